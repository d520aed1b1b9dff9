/* The three stages of a Winograd convolution, for one width of vectors: tiles of X become V, products of V with the
 * weights become M, and M becomes tiles of Y. V and M are [point][block of channels][tile][16], for `tiles` at a time;
 * the weights are [point][panel of 2 * LANES outputs][input][output of the panel]. */

#include "winograd_tile.h"

#if LANES == 4
enum { NAME(MOST) = 6 };
#elif LANES == 8
enum { NAME(MOST) = 6 };
#else
enum { NAME(MOST) = 14 }; /* tiles whose sums fit into registers, for two vectors of outputs */
#endif

INLINE void NAME(input_tile)(int m, const float *x, ptrdiff_t row, float *v, ptrdiff_t point)
{
    const int t = m + 2;
    for (int lane = 0; lane < 16; lane += LANES) {
        V columns[8][8];
#pragma GCC unroll 8
        for (int j = 0; j < t; ++j) {
            V d[8], o[8];
#pragma GCC unroll 8
            for (int i = 0; i < t; ++i)
                d[i] = NAME(load)(x + i * row + j * 16 + lane);
            NAME(forward)(m, d, o);
#pragma GCC unroll 8
            for (int i = 0; i < t; ++i)
                columns[i][j] = o[i];
        }
#pragma GCC unroll 8
        for (int i = 0; i < t; ++i) {
            V o[8];
            NAME(forward)(m, columns[i], o);
#pragma GCC unroll 8
            for (int j = 0; j < t; ++j)
                NAME(store)(v + (i * t + j) * point + lane, o[j]);
        }
    }
}

INLINE void NAME(input_tiles)(int m, const c2_winograd *c, const float *X, float *v, const c2_share *part)
{
    const int t = m + 2;
    for (ptrdiff_t item = 0; item < c->C_blocks * part->tiles; ++item) {
        ptrdiff_t block = item / part->tiles, at = item % part->tiles, y, x, n;
        place_of(c, part->start + at, &n, &y, &x);
        y -= c->top;
        x -= c->left;
        const float *plane = X + (n * c->C_blocks + block) * c->H * c->W * 16;
        float *to = v + (block * part->tiles + at) * 16;
        if (y >= 0 && x >= 0 && y + t <= c->H && x + t <= c->W) {
            NAME(input_tile)(m, plane + (y * c->W + x) * 16, c->W * 16, to, part->v_point);
        } else {
            float patch[8 * 8 * 16];
            cut_out(c, plane, y, x, t, patch);
            NAME(input_tile)(m, patch, t * 16, to, part->v_point);
        }
    }
}

/* `count` tiles times `vectors` vectors of outputs, both constants where this is inlined. */
INLINE void NAME(products)(int vectors, int count, const float *u, const float *v, float *to, const c2_share *part,
                           ptrdiff_t blocks, ptrdiff_t channel)
{
    V sums[2][NAME(MOST)];
#pragma GCC unroll 16
    for (int t = 0; t < count; ++t)
        sums[0][t] = sums[1][t] = (V){0};
    for (ptrdiff_t b = 0; b < blocks; ++b, v += part->tiles * 16)
        for (int c = 0; c < 16; ++c, u += vectors * LANES) {
            __builtin_prefetch(u + 1024);
            if (vectors * LANES > 16)
                __builtin_prefetch(u + 1024 + 16);
            V low = NAME(load)(u), high = vectors > 1 ? NAME(load)(u + LANES) : low;
#pragma GCC unroll 16
            for (int t = 0; t < count; ++t) {
                V one = NAME(set)(v[t * 16 + c]);
                sums[0][t] += low * one;
                if (vectors > 1)
                    sums[1][t] += high * one;
            }
        }
    for (int k = 0; k < vectors; ++k, channel += LANES) {
        float *y = to + channel / 16 * part->tiles * 16 + channel % 16;
#pragma GCC unroll 16
        for (int t = 0; t < count; ++t)
            NAME(store)(y + t * 16, sums[k][t]);
    }
}

#define C2_COUNT(vectors, n)                                                                                            \
    case n: NAME(products)(vectors, n, u, v, to, part, blocks, channel); break;
#if LANES == 16
#define C2_MORE(vectors)                                                                                                \
    C2_COUNT(vectors, 7) C2_COUNT(vectors, 8) C2_COUNT(vectors, 9) C2_COUNT(vectors, 10) C2_COUNT(vectors, 11)          \
    C2_COUNT(vectors, 12) C2_COUNT(vectors, 13) C2_COUNT(vectors, 14)
#else
#define C2_MORE(vectors)
#endif
#define C2_PRODUCTS(name, vectors)                                                                                      \
    static void NAME(name)(ptrdiff_t count, const float *u, const float *v, float *to, const c2_share *part,           \
                           ptrdiff_t blocks, ptrdiff_t channel)                                                         \
    {                                                                                                                   \
        switch (count) {                                                                                                \
            C2_COUNT(vectors, 1) C2_COUNT(vectors, 2) C2_COUNT(vectors, 3) C2_COUNT(vectors, 4) C2_COUNT(vectors, 5)    \
            C2_COUNT(vectors, 6) C2_MORE(vectors)                                                                       \
        }                                                                                                               \
    }
C2_PRODUCTS(one_vector, 1)
C2_PRODUCTS(two_vectors, 2)
#undef C2_PRODUCTS
#undef C2_MORE
#undef C2_COUNT

/* Tiles go in groups of nearly the same size, as many as fit into registers. */
static void NAME(product_stage)(const c2_winograd *c, const float *v, float *to, const c2_share *part)
{
    const ptrdiff_t K = c->K_blocks * 16, C = c->C_blocks * 16, points = (c->m + 2) * (c->m + 2);
    const ptrdiff_t groups = (part->tiles + NAME(MOST) - 1) / NAME(MOST);
    for (ptrdiff_t point = 0; point < points; ++point)
        for (ptrdiff_t channel = part->first * 16; channel < part->last * 16; channel += 2 * LANES) {
            const float *u = c->weights + (point * K + channel) * C;
            for (ptrdiff_t g = 0; g < groups; ++g) {
                ptrdiff_t first = part->tiles * g / groups, count = part->tiles * (g + 1) / groups - first;
                (K - channel > LANES ? NAME(two_vectors) : NAME(one_vector))(
                    count, u, v + point * part->v_point + first * 16, to + point * part->m_point + first * 16, part,
                    c->C_blocks, channel);
            }
        }
}

INLINE void NAME(output_tile)(int m, const c2_winograd *c, const float *v, ptrdiff_t point, const float *bias,
                              const float *summand, float *y, ptrdiff_t rows, ptrdiff_t columns)
{
    const int t = m + 2;
    const V low = NAME(set)(c->low), high = NAME(set)(c->high);
    for (int lane = 0; lane < 16; lane += LANES) {
        V half[6][8];
        const V b = NAME(load)(bias + lane);
#pragma GCC unroll 8
        for (int j = 0; j < t; ++j) {
            V d[8], o[6];
#pragma GCC unroll 8
            for (int i = 0; i < t; ++i)
                d[i] = NAME(load)(v + (i * t + j) * point + lane);
            NAME(backward)(m, d, o);
#pragma GCC unroll 8
            for (int i = 0; i < m; ++i)
                half[i][j] = o[i];
        }
        for (ptrdiff_t i = 0; i < rows; ++i) {
            V o[6];
            const ptrdiff_t row = i * c->out_W * 16 + lane;
            NAME(backward)(m, half[i], o);
#pragma GCC unroll 8
            for (int j = 0; j < m; ++j)
                if (j < columns) {
                    V sum = o[j] + b;
                    if (summand)
                        sum += NAME(load)(summand + row + j * 16);
                    NAME(store)(y + row + j * 16, NAME(clip)(sum, low, high));
                }
        }
    }
}

INLINE void NAME(output_tiles)(int m, const c2_winograd *c, const float *v, const float *bias, const float *summand,
                               float *Y, const c2_share *part)
{
    for (ptrdiff_t item = part->first * part->tiles; item < part->last * part->tiles; ++item) {
        ptrdiff_t block = item / part->tiles, at = item % part->tiles, y, x, n;
        place_of(c, part->start + at, &n, &y, &x);
        ptrdiff_t to = (((n * c->K_blocks + block) * c->out_H + y) * c->out_W + x) * 16;
        ptrdiff_t rows = c->out_H - y < m ? c->out_H - y : m, columns = c->out_W - x < m ? c->out_W - x : m;
        NAME(output_tile)(m, c, v + (block * part->tiles + at) * 16, part->m_point, bias + block * 16,
                          summand ? summand + to : NULL, Y + to, rows, columns);
    }
}

static void NAME(input_stage)(const c2_winograd *c, const float *X, float *v, const c2_share *part)
{
    if (c->m == 2)
        NAME(input_tiles)(2, c, X, v, part);
    else if (c->m == 4)
        NAME(input_tiles)(4, c, X, v, part);
    else
        NAME(input_tiles)(6, c, X, v, part);
}

static void NAME(output_stage)(const c2_winograd *c, const float *v, const float *bias, const float *summand, float *Y,
                               const c2_share *part)
{
    if (c->m == 2)
        NAME(output_tiles)(2, c, v, bias, summand, Y, part);
    else if (c->m == 4)
        NAME(output_tiles)(4, c, v, bias, summand, Y, part);
    else
        NAME(output_tiles)(6, c, v, bias, summand, Y, part);
}

static const c2_stages NAME(stages) = {NAME(input_stage), NAME(product_stage), NAME(output_stage)};
