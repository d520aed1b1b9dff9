/* A row of pooled outputs, for one width of vectors. Windows inside of the image go in tiles, of which each column is
 * pooled down once for all windows that hold it; those at the edges go one by one. */

enum { NAME(POOLED) = 8 }; /* outputs of the largest tile */

/* The larger of both; NaN where one is NaN. */
#if LANES == 16
INLINE V NAME(larger)(V a, V b) { return _mm512_mask_max_ps(a, _mm512_cmp_ps_mask(a, a, _CMP_ORD_Q), a, b); }
#elif LANES == 8
INLINE V NAME(larger)(V a, V b) { return _mm256_blendv_ps(a, _mm256_max_ps(a, b), _mm256_cmp_ps(a, a, _CMP_ORD_Q)); }
#elif defined(__x86_64__)
INLINE V NAME(larger)(V a, V b)
{
    const V ordered = _mm_cmpord_ps(a, a);
    return _mm_or_ps(_mm_and_ps(ordered, _mm_max_ps(a, b)), _mm_andnot_ps(ordered, a));
}
#elif defined(__aarch64__)
INLINE V NAME(larger)(V a, V b) { return vmaxq_f32(a, b); }
#else
INLINE V NAME(larger)(V a, V b)
{
    for (int k = 0; k < LANES; ++k)
        a[k] = b[k] > a[k] || b[k] != b[k] ? b[k] : a[k];
    return a;
}
#endif

INLINE V NAME(pooled)(int average, V a, V b) { return average ? a + b : NAME(larger)(a, b); }

/* What the average of a window divides by: 1 / taps, or 1 where there are none. */
static inline float NAME(share_of)(const c2_pool *c, ptrdiff_t taps)
{
    const ptrdiff_t area = c->include_pad ? c->window.kernel[0] * c->window.kernel[1] : taps;
    return area > 0 ? 1.0f / (float)area : 1.0f;
}

/* One window; its taps go to four results in turn, so that none waits for the one before. */
INLINE void NAME(pool_window)(int average, const c2_pool *c, const c2_pool_row *r, ptrdiff_t x)
{
    const c2_window *w = &c->window;
    ptrdiff_t first, last;
    const ptrdiff_t left = taps_inside(w, 1, x, &first, &last);
    const float *start = r->plane + ((r->top + r->first) * w->inputs[1] + left + first) * 16;
    ptrdiff_t rows = r->last - r->first, taps = last - first;
    const V share = NAME(set)(NAME(share_of)(c, rows * taps));
    if (taps == w->inputs[1]) { /* rows follow one another */
        taps *= rows;
        rows = taps > 0;
    }
    for (int lane = 0; lane < 16; lane += LANES) {
        const V none = NAME(set)(average ? 0 : -INFINITY);
        V found[4] = {none, none, none, none};
        for (ptrdiff_t i = 0; i < rows; ++i) {
            const float *row = start + i * w->inputs[1] * 16 + lane;
            ptrdiff_t j = 0;
            for (; j + 4 <= taps; j += 4)
#pragma GCC unroll 4
                for (int k = 0; k < 4; ++k)
                    found[k] = NAME(pooled)(average, found[k], NAME(load)(row + (j + k) * 16));
#pragma GCC unroll 3
            for (int k = 0; k < 3; ++k)
                if (j + k < taps)
                    found[k] = NAME(pooled)(average, found[k], NAME(load)(row + (j + k) * 16));
        }
        V one = NAME(pooled)(average, NAME(pooled)(average, found[0], found[1]),
                             NAME(pooled)(average, found[2], found[3]));
        if (average)
            one *= share;
        NAME(store)(r->y + x * 16 + lane, NAME(clip)(one, NAME(set)(c->low), NAME(set)(c->high)));
    }
}

/* `count` windows that lie inside along the row; kernel, stride and count are constants where this is inlined. */
INLINE void NAME(pool_tile)(int average, int kernel, int stride, int count, const c2_pool *c, const c2_pool_row *r, ptrdiff_t x)
{
    const ptrdiff_t W = c->window.inputs[1], left = x * stride - c->window.head[1];
    const V share = NAME(set)(NAME(share_of)(c, (r->last - r->first) * kernel));
    const V low = NAME(set)(c->low), high = NAME(set)(c->high);
    for (int lane = 0; lane < 16; lane += LANES) {
        V found[NAME(POOLED)];
        const float *at = r->plane + ((r->top + r->first) * W + left) * 16 + lane;
#pragma GCC unroll 24
        for (int column = 0; column < (count - 1) * stride + kernel; ++column) {
            V down = NAME(load)(at + column * 16);
            for (ptrdiff_t i = 1; i < r->last - r->first; ++i)
                down = NAME(pooled)(average, down, NAME(load)(at + (i * W + column) * 16));
#pragma GCC unroll 8
            for (int t = 0; t < count; ++t)
                if (column == t * stride)
                    found[t] = down;
                else if (column > t * stride && column < t * stride + kernel)
                    found[t] = NAME(pooled)(average, found[t], down);
        }
        float *y = r->y + x * 16 + lane;
#pragma GCC unroll 8
        for (int t = 0; t < count; ++t)
            NAME(store)(y + t * 16, NAME(clip)(average ? found[t] * share : found[t], low, high));
    }
}

INLINE void NAME(pool_along)(int average, int kernel, int stride, const c2_pool *c, const c2_pool_row *r)
{
    const c2_window *w = &c->window;
    for (ptrdiff_t x = 0; x < w->outputs[1];) {
        const ptrdiff_t left = x * stride - w->head[1], room = w->inputs[1] - left - kernel;
        const ptrdiff_t fit = left < 0 || room < 0 ? 0 : room / stride + 1, most = w->outputs[1] - x;
        const ptrdiff_t inside = fit < most ? fit : most;
        if (inside >= 8) {
            NAME(pool_tile)(average, kernel, stride, 8, c, r, x);
            x += 8;
        } else if (inside >= 4) {
            NAME(pool_tile)(average, kernel, stride, 4, c, r, x);
            x += 4;
        } else if (inside >= 2) {
            NAME(pool_tile)(average, kernel, stride, 2, c, r, x);
            x += 2;
        } else {
            NAME(pool_window)(average, c, r, x);
            x += 1;
        }
    }
}

INLINE void NAME(pool_kind)(int average, const c2_pool *c, const c2_pool_row *r)
{
    const ptrdiff_t kernel = c->window.kernel[1], stride = c->window.stride[1];
    if (r->first < r->last && kernel == 2 && stride == 2)
        NAME(pool_along)(average, 2, 2, c, r);
    else if (r->first < r->last && kernel == 3 && stride == 2)
        NAME(pool_along)(average, 3, 2, c, r);
    else if (r->first < r->last && kernel == 3 && stride == 1)
        NAME(pool_along)(average, 3, 1, c, r);
    else
        for (ptrdiff_t x = 0; x < c->window.outputs[1]; ++x)
            NAME(pool_window)(average, c, r, x);
}

static void NAME(pool_row)(const c2_pool *c, const c2_pool_row *r)
{
    if (c->average)
        NAME(pool_kind)(1, c, r);
    else
        NAME(pool_kind)(0, c, r);
}
