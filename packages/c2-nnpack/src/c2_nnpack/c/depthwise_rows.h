/* A row of outputs of a depthwise convolution, for one width of vectors. It goes in tiles of nearly the same size whose
 * sums stay in registers; tiles at the edges alone ask which columns lie inside. */

enum { NAME(TILE) = 8 }; /* outputs */

INLINE void NAME(depthwise_end)(const c2_depthwise *c, const c2_depthwise_row *r, const V *sums, int count, ptrdiff_t x,
                                int lane)
{
    const V low = NAME(set)(c->low), high = NAME(set)(c->high);
    const float *summand = r->summand ? r->summand + x * 16 + lane : NULL;
    float *y = r->y + x * 16 + lane;
#pragma GCC unroll 8
    for (int t = 0; t < count; ++t) {
        V sum = sums[t];
        if (summand)
            sum += NAME(load)(summand + t * 16);
        NAME(store)(y + t * 16, NAME(clip)(sum, low, high));
    }
}

/* `count` outputs from column x on; kernel, stride, count and `edge` are constants where this is inlined. At an edge the
 * first and last kernel / 2 columns may lie outside, and are zeros there. */
INLINE void NAME(depthwise_tile)(int kernel, int stride, int count, int edge, const c2_depthwise *c,
                                 const c2_depthwise_row *r, ptrdiff_t x)
{
    static const float zeros[16];
    const ptrdiff_t W = c->window.inputs[1], left = x * stride - c->window.head[1];
    const int columns = (count - 1) * stride + kernel;
    for (int lane = 0; lane < 16; lane += LANES) {
        const V bias = NAME(load)(r->bias + lane);
        V sums[NAME(TILE)];
#pragma GCC unroll 8
        for (int t = 0; t < count; ++t)
            sums[t] = bias;
        for (ptrdiff_t i = r->first; i < r->last; ++i) {
            const float *row = r->plane + ((r->top + i) * W + left) * 16 + lane, *w = r->weights + i * kernel * 16 + lane;
            V taps[5];
#pragma GCC unroll 5
            for (int j = 0; j < kernel; ++j)
                taps[j] = NAME(load)(w + j * 16);
#pragma GCC unroll 24
            for (int column = 0; column < columns; ++column) {
                const float *at = row + column * 16;
                if (edge && column < kernel / 2)
                    at = left + column < 0 ? zeros : at;
                if (edge && column >= columns - kernel / 2)
                    at = left + column >= W ? zeros : at;
                const V one = NAME(hold)(NAME(load)(at));
#pragma GCC unroll 8
                for (int t = 0; t < count; ++t)
                    if (column >= t * stride && column < t * stride + kernel)
                        sums[t] += one * taps[column - t * stride];
            }
        }
        NAME(depthwise_end)(c, r, sums, count, x, lane);
    }
}

/* The same for any kernel, stride and dilation. */
INLINE void NAME(depthwise_any)(int count, int checked, const c2_depthwise *c, const c2_depthwise_row *r, ptrdiff_t x)
{
    const ptrdiff_t W = c->window.inputs[1], stride = c->window.stride[1], kernel = c->window.kernel[1];
    const ptrdiff_t left = x * stride - c->window.head[1];
    for (int lane = 0; lane < 16; lane += LANES) {
        const V bias = NAME(load)(r->bias + lane);
        V sums[NAME(TILE)];
#pragma GCC unroll 8
        for (int t = 0; t < count; ++t)
            sums[t] = bias;
        for (ptrdiff_t i = r->first; i < r->last; ++i)
            for (ptrdiff_t j = 0; j < kernel; ++j) {
                const V tap = NAME(load)(r->weights + (i * kernel + j) * 16 + lane);
                const ptrdiff_t from = left + j * c->window.dilation[1];
                const float *row = r->plane + (r->top + i * c->window.dilation[0]) * W * 16 + lane;
#pragma GCC unroll 8
                for (int t = 0; t < count; ++t)
                    if (!checked || (from + t * stride >= 0 && from + t * stride < W))
                        sums[t] += tap * NAME(load)(row + (from + t * stride) * 16);
            }
        NAME(depthwise_end)(c, r, sums, count, x, lane);
    }
}

#define C2_TILE(n)                                                                                                      \
    case n:                                                                                                             \
        if (n <= 4 || edge)                                                                                             \
            NAME(depthwise_tile)(kernel, stride, n, 1, c, r, x);                                                        \
        else                                                                                                            \
            NAME(depthwise_tile)(kernel, stride, n, 0, c, r, x);                                                        \
        break;
#define C2_TILES(k, s)                                                                                                  \
    static void NAME(depthwise_##k##_##s)(int count, int edge, const c2_depthwise *c, const c2_depthwise_row *r,        \
                                          ptrdiff_t x)                                                                  \
    {                                                                                                                   \
        enum { kernel = k, stride = s };                                                                                \
        switch (count) {                                                                                                \
            C2_TILE(1) C2_TILE(2) C2_TILE(3) C2_TILE(4) C2_TILE(5) C2_TILE(6) C2_TILE(7) C2_TILE(8)                      \
        }                                                                                                               \
    }
C2_TILES(3, 1)
C2_TILES(3, 2)
C2_TILES(5, 1)
C2_TILES(5, 2)
#undef C2_TILES
#undef C2_TILE

static void NAME(depthwise_any_row)(const c2_depthwise *c, const c2_depthwise_row *r)
{
    const c2_window *w = &c->window;
    const ptrdiff_t span = (NAME(TILE) - 1) * w->stride[1] + (w->kernel[1] - 1) * w->dilation[1];
    for (ptrdiff_t x = 0; x < w->outputs[1];) {
        const ptrdiff_t left = x * w->stride[1] - w->head[1];
        if (x + NAME(TILE) <= w->outputs[1] && left >= 0 && left + span < w->inputs[1]) {
            NAME(depthwise_any)(NAME(TILE), 0, c, r, x);
            x += NAME(TILE);
        } else {
            NAME(depthwise_any)(1, 1, c, r, x);
            x += 1;
        }
    }
}

static void NAME(depthwise_row)(const c2_depthwise *c, const c2_depthwise_row *r)
{
    const c2_window *w = &c->window;
    const ptrdiff_t n = w->outputs[1], kernel = w->kernel[1], stride = w->stride[1], head = w->head[1];
    const ptrdiff_t overhang = (n - 1) * stride + kernel - head - w->inputs[1]; /* columns beyond the right edge */
    const int near = w->dilation[0] == 1 && w->dilation[1] == 1 && stride <= 2 && (kernel == 3 || kernel == 5) &&
                     head <= kernel / 2 && overhang <= kernel / 2;
    if (!near) {
        NAME(depthwise_any_row)(c, r);
        return;
    }
    void (*tile)(int, int, const c2_depthwise *, const c2_depthwise_row *, ptrdiff_t) =
        kernel == 3 ? (stride == 1 ? NAME(depthwise_3_1) : NAME(depthwise_3_2))
                    : (stride == 1 ? NAME(depthwise_5_1) : NAME(depthwise_5_2));
    const int tiles = (int)((n + NAME(TILE) - 1) / NAME(TILE)), least = (int)n / tiles, more = (int)n % tiles;
    for (int k = 0, x = 0, count; k < tiles; ++k, x += count) {
        const ptrdiff_t left = x * stride - head;
        count = least + (k < more);
        tile(count, left < 0 || left + (count - 1) * stride + kernel > w->inputs[1], c, r, x);
    }
}
