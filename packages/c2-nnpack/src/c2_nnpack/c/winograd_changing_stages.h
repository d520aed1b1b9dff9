/* Filters that may change, transformed for one width of vectors into [point][panel of 2 * LANES outputs][input][output of
 * the panel]. */
#include "winograd_filter_tile.h"

/* taps: [input of 16][tap][output of the panel], zeros where there is no such input or output. */
INLINE void NAME(filter_taps)(const c2_winograd_changing *c, const float *W, ptrdiff_t channel, ptrdiff_t input, ptrdiff_t width,
                              float *taps)
{
    ptrdiff_t outputs = c->tiled.K - channel < width ? c->tiled.K - channel : width, inputs = c->C - input < 16 ? c->C - input : 16;
    if (outputs < width || inputs < 16)
        memset(taps, 0, sizeof(float[16 * 9 * 2 * LANES]));
    if (c->turned) {
        for (ptrdiff_t i = 0; i < inputs; ++i)
            for (ptrdiff_t k = 0; k < outputs; ++k)
                for (int tap = 0; tap < 9; ++tap)
                    taps[(i * 9 + 8 - tap) * 2 * LANES + k] = W[((input + i) * c->tiled.K + channel + k) * 9 + tap];
    } else {
        for (ptrdiff_t k = 0; k < outputs; ++k)
            for (ptrdiff_t i = 0; i < inputs * 9; ++i)
                taps[i * 2 * LANES + k] = W[((channel + k) * c->C + input) * 9 + i];
    }
}

INLINE void NAME(filter_points)(int m, const float *taps, ptrdiff_t width, float *u, ptrdiff_t point)
{
    for (int i = 0; i < 16; ++i, u += width)
        for (ptrdiff_t lane = 0; lane < width; lane += LANES)
            NAME(to_points)(0, m, taps + i * 9 * 2 * LANES + lane, 3 * 2 * LANES, 2 * LANES, u + lane, point);
}

/* The panel of outputs that begins with `channel`, 16 inputs from `input`. */
static void NAME(filter_stage)(const c2_winograd_changing *c, const float *W, float *u, ptrdiff_t u_point, ptrdiff_t channel,
                               ptrdiff_t input)
{
    ptrdiff_t outputs = c->tiled.K_blocks * 16, width = outputs - channel < 2 * LANES ? outputs - channel : 2 * LANES;
    float taps[16 * 9 * 2 * LANES];
    NAME(filter_taps)(c, W, channel, input, width, taps);
    u += channel * c->tiled.C_blocks * 16 + input * width;
    if (c->tiled.rows == 2)
        NAME(filter_points)(2, taps, width, u, u_point);
    else if (c->tiled.rows == 4)
        NAME(filter_points)(4, taps, width, u, u_point);
    else
        NAME(filter_points)(6, taps, width, u, u_point);
}
