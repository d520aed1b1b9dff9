/* Filters that may change, transformed for one width of vectors into [point][panel of 2 * LANES outputs][input][output of
 * the panel]. */
#include "transpose.h"
#include "winograd_filter_tile.h"

/* taps: [input of 16][tap][output of the panel], zeros where there is no such input or output; narrow panels of the last
 * block may have no output at all. Filters are transposed from a copy, whose last rows may be read beyond their end. */
INLINE void NAME(filter_taps)(const c2_winograd_changing *c, const float *W, ptrdiff_t channel, ptrdiff_t input, ptrdiff_t width,
                              float *taps)
{
    const ptrdiff_t left = c->tiled.K > channel ? c->tiled.K - channel : 0;
    const ptrdiff_t outputs = left < width ? left : width, inputs = c->C - input < 16 ? c->C - input : 16;
    float filters[2 * LANES * 16 * 9 + LANES];
    const ptrdiff_t row = c->turned ? 9 : 16 * 9; /* of one output */
    if (outputs < width || inputs < 16)
        memset(filters, 0, sizeof filters);
    for (ptrdiff_t k = 0; k < (c->turned ? inputs : outputs); ++k)
        if (c->turned)
            memcpy(filters + k * width * 9, W + ((input + k) * c->tiled.K + channel) * 9, (size_t)(outputs * 9) * sizeof *W);
        else
            memcpy(filters + k * row, W + ((channel + k) * c->C + input) * 9, (size_t)(inputs * 9) * sizeof *W);
    for (ptrdiff_t lane = 0; lane < width; lane += LANES)
        if (c->turned)
            for (int i = 0; i < 16; ++i)
                for (int first = 0; first < 9; first += LANES) {
                    V column[LANES];
                    NAME(transpose)(filters + (i * width + lane) * row + first, row, LANES, column);
#pragma GCC unroll 16
                    for (int k = 0; k < LANES; ++k)
                        if (first + k < 9)
                            NAME(store)(taps + (i * 9 + 8 - first - k) * 2 * LANES + lane, column[k]);
                }
        else
            for (int first = 0; first < 16 * 9; first += LANES) {
                V column[LANES];
                NAME(transpose)(filters + lane * row + first, row, LANES, column);
#pragma GCC unroll 16
                for (int tap = 0; tap < LANES; ++tap)
                    NAME(store)(taps + (first + tap) * 2 * LANES + lane, column[tap]);
            }
}

INLINE void NAME(filter_points)(int m, const float *taps, ptrdiff_t width, float *u, ptrdiff_t point)
{
    for (int i = 0; i < 16; ++i, u += width)
        for (ptrdiff_t lane = 0; lane < width; lane += LANES)
            NAME(to_points)(0, m, taps + i * 9 * 2 * LANES + lane, 3 * 2 * LANES, 2 * LANES, u + lane, point);
}

/* 16 inputs from `input` of the `width` outputs from `channel` on. */
static void NAME(filter_stage)(const c2_winograd_changing *c, const float *W, ptrdiff_t channel, ptrdiff_t width, ptrdiff_t input,
                               float *u, ptrdiff_t u_point)
{
    float taps[16 * 9 * 2 * LANES];
    NAME(filter_taps)(c, W, channel, input, width, taps);
    if (c->tiled.rows == 2)
        NAME(filter_points)(2, taps, width, u, u_point);
    else if (c->tiled.rows == 4)
        NAME(filter_points)(4, taps, width, u, u_point);
    else
        NAME(filter_points)(6, taps, width, u, u_point);
}
