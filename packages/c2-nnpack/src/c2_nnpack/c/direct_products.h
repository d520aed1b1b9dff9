/* Products of what a chunk reads with the weights, for one width of vectors. */

#include "direct_gather.h"

#if REGISTERS == 32
enum { NAME(POSITIONS) = 14 }; /* whose sums fit into registers, for two vectors of outputs */
#else
enum { NAME(POSITIONS) = 6 };
#endif

typedef void (*NAME(tile))(const c2_sums *s, const float *x, const float *u, ptrdiff_t turn, const float *bias,
                           const float *summand, float *y);

/* Adds one channel at one tap: weights `u` times positions from `at` on, `depth` floats apart. */
INLINE void NAME(term)(int vectors, int count, int depth, const float *at, const float *u, const float *later,
                       V sums[2][NAME(POSITIONS)])
{
    if (depth == 16) {
        __builtin_prefetch(later);
        if (vectors * LANES > 16)
            __builtin_prefetch(later + 16);
    }
    const V low = NAME(load)(u), high = vectors > 1 ? NAME(load)(u + LANES) : low;
#pragma GCC unroll 16
    for (int p = 0; p < count; ++p) {
        const V one = NAME(set)(at[p * depth]);
        sums[0][p] += low * one;
        if (vectors > 1)
            sums[1][p] += high * one;
    }
}

/* Sums of `count` positions of a row times `vectors` vectors of outputs; these and `depth` are constants where this is
 * inlined. */
INLINE void NAME(direct_tile)(int depth, int vectors, int count, const c2_sums *s, const float *x, const float *u,
                              ptrdiff_t turn, const float *bias, const float *summand, float *y)
{
    const c2_direct *c = s->c;
    V sums[2][NAME(POSITIONS)];
#pragma GCC unroll 2
    for (int k = 0; k < vectors; ++k) {
        const float *from = y + k * LANES / 16 * s->block + k * LANES % 16;
#pragma GCC unroll 16
        for (int p = 0; p < count; ++p)
            sums[k][p] = NAME(load)(s->begins ? bias + k * LANES : from + p * 16);
    }
    const float *ahead = s->ahead;
#pragma GCC unroll 16
    for (int p = 0; p < count; ++p)
        for (int k = 0; k < vectors * LANES; k += 16)
            __builtin_prefetch(y + k / 16 * s->block + p * 16, 1);
    for (const c2_source *source = s->first; source < s->last; ++source) {
        const float *at = x + source->offset, *later = u + 1024;
        const float *next = source + 1 < s->last ? x + source[1].offset : x + s->first->offset + count * depth;
        const int terms = depth == 1 ? 1 : (int)(source[1].before - source->before);
        if (depth == 16 && ++turn >= s->period) {
            turn = 0;
            later = ahead;
        }
        if (depth == 16)
#pragma GCC unroll 16
            for (int p = 0; p < count; ++p)
                __builtin_prefetch(next + p * 16);
        if (terms == 16) /* a constant makes a faster loop */
            for (int t = 0; t < 16; ++t, u += vectors * LANES, later += vectors * LANES)
                NAME(term)(vectors, count, depth, at + t, u, later, sums);
        else
            for (int t = 0; t < terms; ++t, u += vectors * LANES, later += vectors * LANES)
                NAME(term)(vectors, count, depth, at + t, u, later, sums);
        ahead += 16 * vectors * LANES;
    }
#pragma GCC unroll 2
    for (int k = 0; k < vectors; ++k) {
        const ptrdiff_t to = k * LANES / 16 * s->block + k * LANES % 16;
        if (s->ends) {
            const V low = NAME(set)(c->low), high = NAME(set)(c->high);
            if (summand)
#pragma GCC unroll 16
                for (int p = 0; p < count; ++p)
                    sums[k][p] += NAME(load)(summand + to + p * 16);
            if (c->bounds == 1)
#pragma GCC unroll 16
                for (int p = 0; p < count; ++p)
                    sums[k][p] = NAME(at_least)(sums[k][p], low);
            if (c->bounds == 2)
#pragma GCC unroll 16
                for (int p = 0; p < count; ++p)
                    sums[k][p] = NAME(clip)(sums[k][p], low, high);
        }
#pragma GCC unroll 16
        for (int p = 0; p < count; ++p)
            NAME(store)(y + to + p * 16, sums[k][p]);
    }
}

#define C2_TILE(depth, vectors, count)                                                                                 \
    static void NAME(tile_##depth##_##vectors##_##count)(const c2_sums *s, const float *x, const float *u,             \
                                                         ptrdiff_t turn, const float *bias, const float *summand,      \
                                                         float *y)                                                     \
    {                                                                                                                  \
        NAME(direct_tile)(depth, vectors, count, s, x, u, turn, bias, summand, y);                                     \
    }
#if REGISTERS == 32
#define C2_COUNTS(F, depth, vectors)                                                                                   \
    F(depth, vectors, 1) F(depth, vectors, 2) F(depth, vectors, 3) F(depth, vectors, 4) F(depth, vectors, 5)           \
    F(depth, vectors, 6) F(depth, vectors, 7) F(depth, vectors, 8) F(depth, vectors, 9) F(depth, vectors, 10)          \
    F(depth, vectors, 11) F(depth, vectors, 12) F(depth, vectors, 13) F(depth, vectors, 14)
#else
#define C2_COUNTS(F, depth, vectors)                                                                                   \
    F(depth, vectors, 1) F(depth, vectors, 2) F(depth, vectors, 3) F(depth, vectors, 4) F(depth, vectors, 5)           \
    F(depth, vectors, 6)
#endif
C2_COUNTS(C2_TILE, 1, 1)
C2_COUNTS(C2_TILE, 1, 2)
C2_COUNTS(C2_TILE, 16, 1)
C2_COUNTS(C2_TILE, 16, 2)
#define C2_ENTRY(depth, vectors, count) NAME(tile_##depth##_##vectors##_##count),
/* By depth (1, 16), vectors and positions. */
static const NAME(tile) NAME(tiles)[2][2][NAME(POSITIONS)] = {
    {{C2_COUNTS(C2_ENTRY, 1, 1)}, {C2_COUNTS(C2_ENTRY, 1, 2)}},
    {{C2_COUNTS(C2_ENTRY, 16, 1)}, {C2_COUNTS(C2_ENTRY, 16, 2)}},
};
#undef C2_ENTRY
#undef C2_TILE
#undef C2_COUNTS

/* Those of the sources whose row of the window lies within the image, for a row of Y. */
static void NAME(clip_sources)(const c2_direct *c, c2_sums *s, ptrdiff_t y, const c2_source *first,
                               const c2_source *last)
{
    const ptrdiff_t up = c->top - y * c->stride_h, across = c->sources / c->window;
    s->first = c->source + most(first - c->source, across * least(c->window, most(0, over(up, c->dilation))));
    s->last = c->source + least(last - c->source, across * most(0, least(c->window, over(c->H + up, c->dilation))));
}

/* One panel of outputs: tiles of nearly the same size along each row. */
static void NAME(panel)(const c2_direct *c, const c2_sums *whole, const float *x, const float *u, ptrdiff_t channel,
                        ptrdiff_t vectors, const float *bias, const float *summand, float *Y, const c2_chunk *chunk)
{
    const ptrdiff_t plane = c->out_H * c->out_W * 16, image = c->group * c->blocks * plane;
    const int joined = chunk->columns == c->out_W && c->row_size == c->out_W * c->depth; /* rows without a gap */
    const ptrdiff_t rows = joined ? 1 : chunk->rows, columns = joined ? chunk->rows * c->out_W : chunk->columns;
    const ptrdiff_t groups = over(columns, NAME(POSITIONS));
    const NAME(tile) *tiles = NAME(tiles)[c->depth == 16][vectors - 1];
    c2_sums s = *whole;
    ptrdiff_t turn = 0;
    s.period = chunk->images * rows * groups;
    for (ptrdiff_t item = 0; item < chunk->images * rows; ++item) {
        const ptrdiff_t n = item / rows, r = item % rows;
        if (!joined)
            NAME(clip_sources)(c, &s, chunk->y + r, whole->first, whole->last);
        const float *start = u + (s.first->before - whole->first->before) * vectors * LANES;
        s.ahead = start + terms_of(c) * vectors * LANES;
        for (ptrdiff_t g = 0; g < groups; ++g, ++turn) {
            ptrdiff_t first = columns * g / groups, count = columns * (g + 1) / groups - first;
            ptrdiff_t to = (chunk->n + n) * image + channel / 16 * plane + channel % 16 +
                           ((chunk->y + r) * c->out_W + chunk->x + first) * 16;
            const float *from = x + n * c->image_size + r * c->row_size + first * c->depth;
            tiles[count - 1](&s, from, start, turn, bias + channel, summand ? summand + to : NULL, Y + to);
        }
    }
}

static void NAME(products)(const c2_direct *c, const float *x, const float *bias, const float *summand, float *Y,
                           const c2_chunk *chunk)
{
    const ptrdiff_t outputs = c->blocks * 16, panels = panels_of_group(c);
    c2_sums s = {c, NULL, NULL, NULL, 0, c->out_H * c->out_W * 16, 0, 0};
    for (ptrdiff_t first = 0; first < c->sources; first += c->pass) {
        s.first = c->source + first;
        s.last = s.first + least(c->pass, c->sources - first);
        s.begins = first == 0;
        s.ends = s.last == c->source + c->sources;
        for (ptrdiff_t panel = chunk->first; panel < chunk->last; ++panel) {
            ptrdiff_t group = panel / panels, within = panel % panels * 2 * LANES, channel = group * outputs + within;
            ptrdiff_t width = least(2 * LANES, outputs - within);
            const float *u = c->weights + channel * terms_of(c) + s.first->before * width;
            NAME(panel)(c, &s, x + group * c->group_size, u, channel, width / LANES, bias, summand, Y, chunk);
        }
    }
}
