/* The three stages of a convolution by tiles, for one width of vectors: tiles of X become V, products of V with the weights
 * become M, and M becomes tiles of Y. V and M are [point][block of channels][tile][16], for `tiles` at a time; the
 * weights are [point][panel of 2 * LANES outputs][input][output of the panel]. */

#include "half.h"
#include "put_row.h"

#include "fourier_tile.h"
#include "winograd_tile.h"

/* Channels of X that are read at once: a vector of them where an instruction multiplies by one lane of a vector (NEON), else
 * one, which is spread over a vector as it is read. */
#if defined(__aarch64__)
enum { NAME(READ) = LANES };
#define C2_ONE(t, k) x[t][k]
#else
enum { NAME(READ) = 1 };
#define C2_ONE(t, k) NAME(set)(v[(t) * 16 + c + (k)])
#endif

/* Tiles whose sums, for two vectors of outputs, fit into registers, beside the weights and what is read of X. */
enum { NAME(MOST) = (REGISTERS - 4) / (NAME(READ) == 1 ? 2 : 3) };

/* Of tiles t x t, `fourier` or else Winograd's, both constants where this is inlined. */
INLINE void NAME(input_tiles)(int fourier, int t, const c2_tiled *c, const float *X, float *v, const c2_share *part)
{
    for (ptrdiff_t item = 0; item < c->C_blocks * part->tiles; ++item) {
        ptrdiff_t block = item / part->tiles, at = item % part->tiles, y, x, n, row = c->W * 16;
        float patch[LARGEST * LARGEST * 16];
        place_of(c, part->start + at, &n, &y, &x);
        y -= c->top;
        x -= c->left;
        const float *plane = X + (n * c->C_blocks + block) * c->H * c->W * 16, *from = plane + (y * c->W + x) * 16;
        if (y < 0 || x < 0 || y + t > c->H || x + t > c->W) {
            cut_out(plane, c->H, c->W, y, x, t, patch);
            from = patch;
            row = t * 16;
        }
        for (int lane = 0; lane < 16; lane += LANES) {
            float *to = v + (block * part->tiles + at) * 16 + lane;
            if (fourier)
                NAME(fourier_forward)(t, from + lane, row, to, part->v_point);
            else
                NAME(winograd_forward)(t, from + lane, row, to, part->v_point);
        }
    }
}

INLINE void NAME(output_tiles)(int fourier, int t, int m, const c2_tiled *c, const float *v, const float *bias,
                               const float *summand, float *Y, const c2_share *part)
{
    for (ptrdiff_t item = part->first * part->tiles; item < part->last * part->tiles; ++item) {
        ptrdiff_t block = item / part->tiles, at = item % part->tiles, y, x, n;
        place_of(c, part->start + at, &n, &y, &x);
        ptrdiff_t rows = c->out_H - y, columns = c->out_W - x;
        for (int lane = 0; lane < 16; lane += LANES) {
            const float *from = v + (block * part->tiles + at) * 16 + lane;
            ptrdiff_t first = (((n * c->K_blocks + block) * c->out_H + y) * c->out_W + x) * 16 + lane;
            const c2_target to = {
                Y + first, summand ? summand + first : NULL, bias + block * 16 + lane, c->out_W * 16,
                rows < c->rows ? rows : c->rows, columns < c->columns ? columns : c->columns, c->low, c->high,
            };
            if (fourier)
                NAME(fourier_backward)(t, from, part->m_point, &to);
            else
                NAME(winograd_backward)(t, m, from, part->m_point, &to);
        }
    }
}

/* LANES weights, float16 where `half`. */
INLINE V NAME(weights)(int half, const char *u)
{
    return half ? NAME(load_half)((const uint16_t *)u) : NAME(load)((const float *)u);
}

/* `count` tiles times `vectors` vectors of outputs; these and `half` are constants where this is inlined. */
INLINE void NAME(products)(int half, int vectors, int count, const char *u, const float *scales, const float *v, float *to,
                           const c2_share *part)
{
    const ptrdiff_t blocks = part->last_input - part->input;
    enum { AHEAD = 4096 }; /* bytes */
    const int one_vector = LANES * (half ? 2 : 4), row = vectors * one_vector;
    V sums[2][NAME(MOST)];
#pragma GCC unroll 2
    for (int k = 0; k < vectors; ++k)
#pragma GCC unroll 16
        for (int t = 0; t < count; ++t)
            sums[k][t] = part->input ? NAME(load)(to + k * LANES / 16 * part->tiles * 16 + k * LANES % 16 + t * 16) : (V){0};
    for (ptrdiff_t b = 0; b < blocks; ++b, v += part->tiles * 16)
        for (int c = 0; c < 16; c += NAME(READ)) {
            V x[NAME(MOST)];
            (void)x;
#pragma GCC unroll 16
            for (int t = 0; NAME(READ) > 1 && t < count; ++t)
                x[t] = NAME(load)(v + t * 16 + c);
#pragma GCC unroll 4
            for (int k = 0; k < NAME(READ); ++k, u += row) {
                __builtin_prefetch(u + AHEAD);
                if (row > 64)
                    __builtin_prefetch(u + AHEAD + 64);
                V low = NAME(weights)(half, u), high = vectors > 1 ? NAME(weights)(half, u + one_vector) : low;
#pragma GCC unroll 16
                for (int t = 0; t < count; ++t) {
                    __auto_type one = C2_ONE(t, k);
                    sums[0][t] += low * one;
                    if (vectors > 1)
                        sums[1][t] += high * one;
                }
            }
        }
    for (int k = 0; k < vectors; ++k) {
        float *y = to + k * LANES / 16 * part->tiles * 16 + k * LANES % 16;
#pragma GCC unroll 16
        for (int t = 0; t < count; ++t)
            NAME(store)(y + t * 16, half ? sums[k][t] * NAME(load)(scales + k * LANES) : sums[k][t]);
    }
}

#define C2_COUNT(half, vectors, n)                                                                                      \
    case n: NAME(products)(half, vectors, n, u, scales, v, to, part); break;
#if LANES == 16
#define C2_MORE(half, vectors)                                                                                          \
    C2_COUNT(half, vectors, 7) C2_COUNT(half, vectors, 8) C2_COUNT(half, vectors, 9) C2_COUNT(half, vectors, 10)        \
    C2_COUNT(half, vectors, 11) C2_COUNT(half, vectors, 12) C2_COUNT(half, vectors, 13) C2_COUNT(half, vectors, 14)
#elif REGISTERS == 32
#define C2_MORE(half, vectors) C2_COUNT(half, vectors, 7) C2_COUNT(half, vectors, 8) C2_COUNT(half, vectors, 9)
#else
#define C2_MORE(half, vectors)
#endif
#define C2_PRODUCTS(name, half, vectors)                                                                                \
    static void NAME(name)(ptrdiff_t count, const char *u, const float *scales, const float *v, float *to,              \
                           const c2_share *part)                                                                        \
    {                                                                                                                   \
        switch (count) {                                                                                                \
            C2_COUNT(half, vectors, 1) C2_COUNT(half, vectors, 2) C2_COUNT(half, vectors, 3) C2_COUNT(half, vectors, 4) \
            C2_COUNT(half, vectors, 5) C2_COUNT(half, vectors, 6) C2_MORE(half, vectors)                                \
        }                                                                                                               \
    }
C2_PRODUCTS(one_vector, 0, 1)
C2_PRODUCTS(two_vectors, 0, 2)
C2_PRODUCTS(one_vector_of_halves, 1, 1)
C2_PRODUCTS(two_vectors_of_halves, 1, 2)
#undef C2_PRODUCTS
#undef C2_MORE
#undef C2_COUNT
#undef C2_ONE

/* Tiles go in groups of nearly the same size, as many as fit into registers. */
static void NAME(product_stage)(const c2_tiled *c, const float *v, float *to, const c2_share *part)
{
    const ptrdiff_t K = c->K_blocks * 16, C = (part->last_input - part->input) * 16, points = c2_tiled_points(c), size = c->scales ? 2 : 4;
    const ptrdiff_t groups = (part->tiles + NAME(MOST) - 1) / NAME(MOST);
    for (ptrdiff_t point = 0; point < points; ++point)
        for (ptrdiff_t channel = part->first * 16; channel < part->last * 16; channel += 2 * LANES) {
            const char *u = part->weights + point * part->u_point + channel * C * size;
            const float *scales = c->scales ? c->scales + point * K + channel : NULL;
            float *sums = to + point * part->m_point + channel / 16 * part->tiles * 16 + channel % 16;
            for (ptrdiff_t g = 0; g < groups; ++g) {
                ptrdiff_t first = part->tiles * g / groups, count = part->tiles * (g + 1) / groups - first;
                const float *one = v + point * part->v_point + (part->input * part->tiles + first) * 16;
                if (K - channel > LANES)
                    (scales ? NAME(two_vectors_of_halves) : NAME(two_vectors))(count, u, scales, one, sums + first * 16,
                                                                               part);
                else
                    (scales ? NAME(one_vector_of_halves) : NAME(one_vector))(count, u, scales, one, sums + first * 16,
                                                                             part);
            }
        }
}

static void NAME(input_stage)(const c2_tiled *c, const float *X, float *v, const c2_share *part)
{
    if (c->fourier)
        c->tile == 8 ? NAME(input_tiles)(1, 8, c, X, v, part) : NAME(input_tiles)(1, 16, c, X, v, part);
    else if (c->tile == 4)
        NAME(input_tiles)(0, 4, c, X, v, part);
    else if (c->tile == 6)
        NAME(input_tiles)(0, 6, c, X, v, part);
    else
        NAME(input_tiles)(0, 8, c, X, v, part);
}

#define C2_OUTPUT(fourier, t, m) NAME(output_tiles)(fourier, t, m, c, v, bias, summand, Y, part)
static void NAME(output_stage)(const c2_tiled *c, const float *v, const float *bias, const float *summand, float *Y,
                               const c2_share *part)
{
    if (c->fourier)
        c->tile == 8 ? C2_OUTPUT(1, 8, 8) : C2_OUTPUT(1, 16, 16);
    else if (c->tile == 4)
        C2_OUTPUT(0, 4, 2);
    else if (c->tile == 6)
        c->rows == 2 ? C2_OUTPUT(0, 6, 2) : C2_OUTPUT(0, 6, 4);
    else
        c->rows == 4 ? C2_OUTPUT(0, 8, 4) : C2_OUTPUT(0, 8, 6);
}
#undef C2_OUTPUT

static const c2_stages NAME(stages) = {NAME(input_stage), NAME(product_stage), NAME(output_stage)};
