/* Depthwise convolution: threads share the rows of outputs. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "calls/blocks.h"
#include "calls/depthwise.h"
#include "channels.h"
#include "slide.h"

/* A row of outputs: its plane of inputs, the first input row of its window, and the taps down that lie inside. */
typedef struct {
    const float *plane, *weights, *bias, *summand;
    float *y;
    ptrdiff_t top, first, last;
} c2_depthwise_row;

#define BODY "depthwise_rows.h"
#include "every_width.h"

/* The channels that block `block` of outputs reads, each at the lanes that read it. */
static void spread(const c2_depthwise *c, const float *plane, ptrdiff_t block, float *to)
{
    const ptrdiff_t positions = c->window.inputs[0] * c->window.inputs[1], from = block % c->multiplier * 16;
    for (ptrdiff_t p = 0; p < positions; ++p)
        for (int lane = 0; lane < 16; ++lane)
            to[p * 16 + lane] = plane[p * 16 + (from + lane) / c->multiplier];
}

static void depthwise_plane(const void *context, void *const *buffers, ptrdiff_t plane, ptrdiff_t first, ptrdiff_t last,
                            ptrdiff_t part)
{
    const c2_depthwise *c = context;
    const c2_window *w = &c->window;
    const ptrdiff_t block = plane % w->blocks, n = plane / w->blocks, row_size = w->outputs[1] * 16;
    const ptrdiff_t start = (plane * w->outputs[0] + first) * row_size;
    float room[16];
    c2_depthwise_row row = {
        .plane = (const float *)buffers[0] + (n * c->X_blocks + block / c->multiplier) * plane_size(w),
        .weights = c->weights + block * w->kernel[0] * w->kernel[1] * 16,
        .bias = block_of(c->bias < 0 ? NULL : buffers[c->bias], block, c->K, room),
        .summand = c->summand < 0 ? NULL : (const float *)buffers[c->summand] + start,
        .y = (float *)buffers[c->output] + start,
    };
    if (c->multiplier > 1) {
        float *own = (float *)buffers[c->scratch] + part * plane_size(w);
        spread(c, row.plane, block, own);
        row.plane = own;
    }
    for (ptrdiff_t y = first; y < last; ++y, row.y += row_size) {
        row.top = taps_inside(w, 0, y, &row.first, &row.last);
        OF_WIDTH(c->lanes, depthwise_row)(c, &row);
        if (row.summand)
            row.summand += row_size;
    }
}

int c2_run_depthwise(void *context, void *const *buffers)
{
    const c2_depthwise *c = context;
    slide(&c->window, c->threads, depthwise_plane, c, buffers);
    return 0;
}

ptrdiff_t c2_depthwise_scratch(const c2_depthwise *c)
{
    return c->multiplier > 1 ? c->threads * plane_size(&c->window) * (ptrdiff_t)sizeof(float) : 0;
}

void c2_pack_depthwise(const c2_depthwise *c, const float *W, float *packed)
{
    const ptrdiff_t taps = c->window.kernel[0] * c->window.kernel[1], channels = c->window.blocks * 16;
    for (ptrdiff_t k = 0; k < channels; ++k)
        for (ptrdiff_t tap = 0; tap < taps; ++tap)
            packed[(k / 16 * taps + tap) * 16 + k % 16] = k < c->K ? W[k * taps + tap] : 0;
}
