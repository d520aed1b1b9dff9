/* Winograd's convolution with filters that may change. */
#include "tiled_share.h"

#include "calls/winograd_changing.h"

typedef void (*c2_filter_stage)(const c2_winograd_changing *c, const float *W, float *u, ptrdiff_t u_point,
                                ptrdiff_t channel, ptrdiff_t input);

#define BODY "winograd_changing_stages.h"
#include "every_width.h"

static ptrdiff_t filter_size(const c2_tiled *c) { return c->C_blocks * c->K_blocks * 256; }

ptrdiff_t c2_winograd_changing_scratch(const c2_winograd_changing *c)
{
    return c2_tiled_scratch(&c->tiled) + c2_tiled_points(&c->tiled) * filter_size(&c->tiled) * (ptrdiff_t)sizeof(float);
}

int c2_run_winograd_changing(void *context, void *const *buffers)
{
    const c2_winograd_changing *c = context;
    c2_tiled tiled = c->tiled;
    const c2_filter_stage stage = OF_WIDTH(tiled.lanes, filter_stage);
    const ptrdiff_t panel = 2 * tiled.lanes, items = over(tiled.K_blocks * 16, panel) * tiled.C_blocks;
    float *u = (float *)buffers[tiled.scratch] + c2_tiled_scratch(&tiled) / (ptrdiff_t)sizeof(float);
#pragma omp parallel for schedule(static) num_threads(tiled.threads) if (tiled.threads > 1)
    for (ptrdiff_t item = 0; item < items; ++item)
        stage(c, buffers[c->filters], u, filter_size(&tiled), item / tiled.C_blocks * panel, item % tiled.C_blocks * 16);
    tiled.weights = u;
    return c2_run_tiled(&tiled, buffers);
}
