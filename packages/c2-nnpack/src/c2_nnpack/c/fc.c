/* FC with packed weights: [panel of 4 vectors of outputs][k][output of the panel], the last panel as narrow as it may be.
 * A panel's weights are read once where X has few rows, which then takes as long as memory takes; with more rows, once from
 * memory and again from the cache. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "calls/fc.h"

enum {
    DEPTH = 256,            /* inputs at a time: weights of a panel that stay near while all rows pass */
    FEW_PRODUCTS = 1 << 16, /* that one thread does faster than two begin */
};

static ptrdiff_t panel_of(const c2_fc *c) { return 4 * c->lanes; }
static ptrdiff_t panels_of(const c2_fc *c) { return (c->N + panel_of(c) - 1) / panel_of(c); }

/* Outputs of a panel, with those that fill the last vector. */
static ptrdiff_t panel_width(const c2_fc *c, ptrdiff_t panel)
{
    const ptrdiff_t left = c->N - panel * panel_of(c);
    return left < panel_of(c) ? (left + c->lanes - 1) / c->lanes * c->lanes : panel_of(c);
}

#define BODY "fc_panel.h"
#include "every_width.h"

ptrdiff_t c2_fc_weights(const c2_fc *c)
{
    return ((panels_of(c) - 1) * panel_of(c) + panel_width(c, panels_of(c) - 1)) * c->K;
}

/* Threads share the panels, or where these are few, the rows. */
static void fc_part(const c2_fc *c, void *const *buffers, ptrdiff_t part, ptrdiff_t parts)
{
    const ptrdiff_t panels = panels_of(c), by_rows = panels < parts, all = by_rows ? c->M : panels;
    const ptrdiff_t first = all * part / parts, last = all * (part + 1) / parts;
    for (ptrdiff_t panel = by_rows ? 0 : first; panel < (by_rows ? panels : last); ++panel)
        OF_WIDTH(c->lanes, fc_panel)(c, buffers, panel, by_rows ? first : 0, by_rows ? last : c->M);
}

int c2_run_fc(void *context, void *const *buffers)
{
    const c2_fc *c = context;
    const ptrdiff_t parts = c->M * c->N * c->K < FEW_PRODUCTS ? 1 : c->threads;
    if (parts == 1) {
        fc_part(c, buffers, 0, 1);
        return 0;
    }
#pragma omp parallel for schedule(static, 1) num_threads(parts)
    for (ptrdiff_t part = 0; part < parts; ++part)
        fc_part(c, buffers, part, parts);
    return 0;
}

/* Where input k, as it lies in an image in blocks, stands in C order. */
static ptrdiff_t in_c_order(ptrdiff_t k, ptrdiff_t positions)
{
    return positions == 1 ? k : (k / (16 * positions) * 16 + k % 16) * positions + k / 16 % positions;
}

void c2_pack_fc(const c2_fc *c, const float *W, ptrdiff_t N_stride, ptrdiff_t K_stride, ptrdiff_t positions, float *packed)
{
    enum { RUN = 16 }; /* inputs at a time: a line of each output's weights */
#pragma omp parallel for num_threads(c->threads) if (c->threads > 1)
    for (ptrdiff_t panel = 0; panel < panels_of(c); ++panel) {
        const ptrdiff_t n = panel * panel_of(c), width = panel_width(c, panel);
        float *to = packed + n * c->K;
        for (ptrdiff_t from = 0; from < c->K; from += RUN)
            for (ptrdiff_t i = 0; i < width; ++i)
                for (ptrdiff_t k = from; k < from + RUN && k < c->K; ++k)
                    to[k * width + i] = n + i < c->N ? W[(n + i) * N_stride + in_c_order(k, positions) * K_stride] : 0;
    }
}
