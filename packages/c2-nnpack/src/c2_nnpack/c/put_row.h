/* Row i of a tile of Y: `m` outputs, or as many as are inside of the image. */
INLINE void NAME(put_row)(const c2_target *to, ptrdiff_t i, int m, const V *o)
{
    const V bias = NAME(load)(to->bias), low = NAME(set)(to->low), high = NAME(set)(to->high);
#pragma GCC unroll 16
    for (int j = 0; j < m; ++j)
        if (j < to->columns) {
            V sum = o[j] + bias;
            if (to->summand)
                sum += NAME(load)(to->summand + i * to->row + j * 16);
            NAME(store)(to->y + i * to->row + j * 16, NAME(clip)(sum, low, high));
        }
}
