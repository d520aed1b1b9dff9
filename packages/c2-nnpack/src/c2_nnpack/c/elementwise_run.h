/* `n` elements from `first` on, for one width of vectors. */

INLINE V NAME(sum_at)(const c2_clipped_sum *c, void *const *buffers, ptrdiff_t at)
{
    V sum = NAME(load)((const float *)buffers[0] + at);
    for (int k = 1; k < c->count; ++k)
        sum += NAME(load)((const float *)buffers[k] + at);
    return NAME(clip)(sum, NAME(set)(c->low), NAME(set)(c->high));
}

static void NAME(clipped_sum)(const c2_clipped_sum *c, void *const *buffers, ptrdiff_t first, ptrdiff_t n)
{
    float *Y = buffers[c->count];
    const ptrdiff_t end = first + n;
    ptrdiff_t at = first;
    const V low = NAME(set)(c->low), high = NAME(set)(c->high);
    const float *A = buffers[0], *B = buffers[c->count > 1];
    if (c->count == 1)
        for (; at + LANES <= end; at += LANES)
            NAME(store)(Y + at, NAME(clip)(NAME(load)(A + at), low, high));
    else if (c->count == 2)
        for (; at + LANES <= end; at += LANES)
            NAME(store)(Y + at, NAME(clip)(NAME(load)(A + at) + NAME(load)(B + at), low, high));
    else
        for (; at + LANES <= end; at += LANES)
            NAME(store)(Y + at, NAME(sum_at)(c, buffers, at));
    for (; at < end; ++at) {
        float sum = A[at];
        for (int k = 1; k < c->count; ++k)
            sum += ((const float *)buffers[k])[at];
        Y[at] = sum < c->low ? c->low : sum > c->high ? c->high : sum;
    }
}
