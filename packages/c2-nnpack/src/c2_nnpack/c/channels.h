/* Numbers by channel, as kernels of blocks read them. */

/* The 16 numbers of a block from an array of `channels`: where they lie, or in `room`, filled up with zeros. */
static inline const float *block_of(const float *all, ptrdiff_t block, ptrdiff_t channels, float *room)
{
    const ptrdiff_t left = all ? channels - block * 16 : 0;
    if (left >= 16)
        return all + block * 16;
    memset(room, 0, 16 * sizeof *room);
    if (left > 0)
        memcpy(room, all + block * 16, (size_t)left * sizeof *room);
    return room;
}
