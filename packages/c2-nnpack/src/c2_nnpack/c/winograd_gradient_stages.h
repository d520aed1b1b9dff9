/* The stages of the gradient of filters, for one width of vectors: tiles of X become V, tiles of dY become D, both
 * [point][block of channels][tile][16]; M, [point][block of outputs][block of inputs][output][input], is the sum over all
 * tiles of D times V, and becomes dW. */
#include "put_row.h"
#include "transpose.h"
#include "winograd_filter_tile.h"
#include "winograd_tile.h"

enum {
    NAME(VECTORS) = 16 / LANES, /* in a block of channels */
    NAME(ROWS) = LANES == 16 ? 16 : LANES == 8 ? 4 : 2 /* outputs whose sums fit into registers */
};

/* A block of 16 channels of a tile from (y, x) of a plane H x W: of X, or where `spreads`, of dY. */
INLINE void NAME(tile)(int spreads, int m, const float *plane, ptrdiff_t H, ptrdiff_t W, ptrdiff_t y, ptrdiff_t x, float *v,
                       ptrdiff_t point)
{
    const int n = spreads ? m : m + 2;
    float patch[8 * 8 * 16];
    const float *from = plane + (y * W + x) * 16;
    ptrdiff_t row = W * 16;
    if (y < 0 || x < 0 || y + n > H || x + n > W) {
        cut_out(plane, H, W, y, x, n, patch);
        from = patch;
        row = n * 16;
    }
    for (int lane = 0; lane < 16; lane += LANES)
        if (spreads)
            NAME(to_points)(1, m, from + lane, row, 16, v + lane, point);
        else
            NAME(winograd_forward)(m + 2, from + lane, row, v + lane, point);
}

INLINE void NAME(tiles)(int m, const c2_tiled *c, const float *X, const float *dY, float *v, const c2_share *part,
                        ptrdiff_t block, ptrdiff_t first, ptrdiff_t last)
{
    for (ptrdiff_t at = first; at < last; ++at) {
        ptrdiff_t y, x, n;
        float *to = v + (block * part->tiles + at) * 16;
        place_of(c, part->start + at, &n, &y, &x);
        if (dY)
            NAME(tile)(1, m, dY + (n * c->K_blocks + block) * c->out_H * c->out_W * 16, c->out_H, c->out_W, y, x, to,
                       part->m_point);
        else
            NAME(tile)(0, m, X + (n * c->C_blocks + block) * c->H * c->W * 16, c->H, c->W, y - c->top, x - c->left, to,
                       part->v_point);
    }
}

/* Tiles [first, last) of a block of channels, of X or where it is given, of dY. */
static void NAME(tile_stage)(const c2_tiled *c, const float *X, const float *dY, float *v, const c2_share *part,
                             ptrdiff_t block, ptrdiff_t first, ptrdiff_t last)
{
    if (c->rows == 2)
        NAME(tiles)(2, c, X, dY, v, part, block, first, last);
    else if (c->rows == 4)
        NAME(tiles)(4, c, X, dY, v, part, block, first, last);
    else
        NAME(tiles)(6, c, X, dY, v, part, block, first, last);
}

/* 16 outputs times 16 inputs, summed over tiles; `begins`: nothing was summed before. */
INLINE void NAME(sum_products)(const float *d, const float *v, ptrdiff_t tiles, float *sums, int begins)
{
    for (int k = 0; k < 16; k += NAME(ROWS), sums += 16 * NAME(ROWS)) {
        V s[NAME(ROWS)][NAME(VECTORS)];
#pragma GCC unroll 16
        for (int i = 0; i < NAME(ROWS); ++i)
#pragma GCC unroll 4
            for (int j = 0; j < NAME(VECTORS); ++j)
                s[i][j] = (V){0};
        for (ptrdiff_t t = 0; t < tiles * 16; t += 16) {
            V x[NAME(VECTORS)];
#pragma GCC unroll 4
            for (int j = 0; j < NAME(VECTORS); ++j)
                x[j] = NAME(load)(v + t + j * LANES);
#pragma GCC unroll 16
            for (int i = 0; i < NAME(ROWS); ++i) {
                V one = NAME(set)(d[t + k + i]);
#pragma GCC unroll 4
                for (int j = 0; j < NAME(VECTORS); ++j)
                    s[i][j] += one * x[j];
            }
        }
#pragma GCC unroll 16
        for (int i = 0; i < NAME(ROWS); ++i)
#pragma GCC unroll 4
            for (int j = 0; j < NAME(VECTORS); ++j) {
                float *to = sums + i * 16 + j * LANES;
                NAME(store)(to, begins ? s[i][j] : NAME(load)(to) + s[i][j]);
            }
    }
}

/* One point, one block of outputs, and so many of inputs. */
static void NAME(sum_stage)(const float *d, const float *v, ptrdiff_t blocks, float *sums, const c2_share *part)
{
    for (ptrdiff_t block = 0; block < blocks; ++block)
        NAME(sum_products)(d, v + block * part->tiles * 16, part->tiles, sums + block * 256, part->start == 0);
}

INLINE void NAME(one_filter_gradient)(int m, const float *sums, ptrdiff_t point, float *taps)
{
    const int t = m + 2;
    V half[3][8];
#pragma GCC unroll 8
    for (int j = 0; j < t; ++j) {
        V v[8], o[3];
#pragma GCC unroll 8
        for (int i = 0; i < t; ++i)
            v[i] = NAME(load)(sums + (i * t + j) * point);
        NAME(gather)(m, v, o);
        for (int i = 0; i < 3; ++i)
            half[i][j] = o[i];
    }
    for (int i = 0; i < 3; ++i) {
        V o[3];
        NAME(gather)(m, half[i], o);
        for (int j = 0; j < 3; ++j)
            NAME(store)(taps + (i * 3 + j) * 16, o[j]);
    }
}

/* [tap][input] to [input][tap]: what is written beyond a filter's end, the next one's beginning takes the place of. */
INLINE void NAME(put_filters)(const float *taps, float *filters)
{
    enum { PARTS = (9 + LANES - 1) / LANES };
    V rows[PARTS][LANES];
    for (int part = 0; part < PARTS; ++part)
        NAME(transpose)(taps + part * LANES * 16, 16, 9 - part * LANES, rows[part]);
#pragma GCC unroll 16
    for (int i = 0; i < LANES; ++i)
#pragma GCC unroll 3
        for (int part = 0; part < PARTS; ++part)
            NAME(store)(filters + i * 9 + part * LANES, rows[part][i]);
}

/* dW of one output and the 16 inputs of a block. */
static void NAME(filter_gradient)(const c2_tiled *c, const float *sums, ptrdiff_t point, ptrdiff_t inputs, float *dW)
{
    float taps[9 * 16], filters[16 * 9 + LANES];
    for (int lane = 0; lane < 16; lane += LANES)
        if (c->rows == 2)
            NAME(one_filter_gradient)(2, sums + lane, point, taps + lane);
        else if (c->rows == 4)
            NAME(one_filter_gradient)(4, sums + lane, point, taps + lane);
        else
            NAME(one_filter_gradient)(6, sums + lane, point, taps + lane);
    for (int lane = 0; lane < 16; lane += LANES)
        NAME(put_filters)(taps + lane, filters + lane * 9);
    memcpy(dW, filters, (size_t)(inputs * 9) * sizeof *dW);
}

static const c2_gradient_stages NAME(gradient_stages) = {NAME(tile_stage), NAME(sum_stage), NAME(filter_gradient)};
