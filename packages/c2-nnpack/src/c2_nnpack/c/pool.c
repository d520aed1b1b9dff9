/* Pools over planes of 16 channels. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "calls/blocks.h"
#include "calls/pool.h"
#include "slide.h"

/* A row of outputs: its plane of inputs, the first input row of its windows, and the taps down that lie inside. */
typedef struct {
    const float *plane;
    float *y;
    ptrdiff_t top, first, last;
} c2_pool_row;

#define BODY "pool_rows.h"
#include "every_width.h"

static void pool_plane(const void *context, void *const *buffers, ptrdiff_t plane, ptrdiff_t first, ptrdiff_t last,
                       ptrdiff_t part)
{
    const c2_pool *c = context;
    const c2_window *w = &c->window;
    const ptrdiff_t row_size = w->outputs[1] * 16, block = plane % w->blocks, left = c->channels - block * 16;
    float *Y = buffers[1], room[16];
    c2_pool_row row = {.plane = (const float *)buffers[0] + plane * plane_size(w)};
    row.y = c->channels ? room : Y + (plane * w->outputs[0] + first) * row_size;
    (void)part;
    for (ptrdiff_t y = first; y < last; ++y, row.y += row_size) {
        row.top = taps_inside(w, 0, y, &row.first, &row.last);
        OF_WIDTH(c->lanes, pool_row)(c, &row);
    }
    if (c->channels)
        memcpy(Y + plane / w->blocks * c->channels + block * 16, room, (size_t)(left < 16 ? left : 16) * sizeof *Y);
}

int c2_run_pool(void *context, void *const *buffers)
{
    const c2_pool *c = context;
    slide(&c->window, c->threads, pool_plane, c, buffers);
    return 0;
}
