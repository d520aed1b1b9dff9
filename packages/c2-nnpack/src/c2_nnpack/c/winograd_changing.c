/* Winograd's convolution with filters that may change. */
#include "tiled_share.h"

#include "calls/winograd_changing.h"

typedef void (*c2_filter_stage)(const c2_winograd_changing *c, const float *W, ptrdiff_t channel, ptrdiff_t width,
                                ptrdiff_t input, float *u, ptrdiff_t u_point);

#define BODY "winograd_changing_stages.h"
#include "every_width.h"

static ptrdiff_t filter_size(const c2_tiled *c) { return c->C_blocks * c->K_blocks * 256; }

ptrdiff_t c2_winograd_changing_scratch(const c2_winograd_changing *c)
{
    if (c->in_pieces)
        return c2_tiled_in_pieces_scratch(&c->tiled);
    return c2_tiled_scratch(&c->tiled) + c2_tiled_points(&c->tiled) * filter_size(&c->tiled) * (ptrdiff_t)sizeof(float);
}

/* Outputs of the panel that begins with `channel`. */
static ptrdiff_t panel_width(const c2_tiled *c, ptrdiff_t channel) { return least(2 * c->lanes, c->K_blocks * 16 - channel); }

static void transform_piece(const void *context, void *const *buffers, const c2_share *part, float *u)
{
    const c2_winograd_changing *c = context;
    const c2_filter_stage stage = OF_WIDTH(c->tiled.lanes, filter_stage);
    const ptrdiff_t u_point = part->u_point / (ptrdiff_t)sizeof *u;
    for (ptrdiff_t channel = part->first * 16; channel < part->last * 16; channel += 2 * c->tiled.lanes)
        for (ptrdiff_t input = part->input; input < part->last_input; ++input) {
            const ptrdiff_t width = panel_width(&c->tiled, channel);
            stage(c, buffers[c->filters], channel, width, input * 16, u, u_point);
            u += 16 * width;
        }
}

static void transform_all(const c2_winograd_changing *c, const float *W, float *u)
{
    const c2_tiled *tiled = &c->tiled;
    const c2_filter_stage stage = OF_WIDTH(tiled->lanes, filter_stage);
    const ptrdiff_t panel = 2 * tiled->lanes, items = over(tiled->K_blocks * 16, panel) * tiled->C_blocks;
#pragma omp parallel for schedule(static) num_threads(tiled->threads) if (tiled->threads > 1)
    for (ptrdiff_t item = 0; item < items; ++item) {
        const ptrdiff_t channel = item / tiled->C_blocks * panel, input = item % tiled->C_blocks * 16;
        const ptrdiff_t width = panel_width(tiled, channel);
        stage(c, W, channel, width, input, u + channel * tiled->C_blocks * 16 + input * width, filter_size(tiled));
    }
}

int c2_run_winograd_changing(void *context, void *const *buffers)
{
    const c2_winograd_changing *c = context;
    if (c->in_pieces) {
        c2_run_tiled_in_pieces(&c->tiled, buffers, transform_piece, c);
        return 0;
    }
    c2_tiled tiled = c->tiled;
    float *u = (float *)buffers[tiled.scratch] + c2_tiled_scratch(&tiled) / (ptrdiff_t)sizeof(float);
    transform_all(c, buffers[c->filters], u);
    tiled.weights = u;
    return c2_run_tiled(&tiled, buffers);
}
