/* Sums of blobs, and what holds them between two numbers. */
#include <stddef.h>
#include <stdint.h>

#include "calls/elementwise.h"

enum { RUN = 1024 }; /* floats at a time: a thread's least share; they stay in the nearest cache while inputs are added */

#define BODY "elementwise_run.h"
#include "every_width.h"

static void sum_part(const c2_clipped_sum *c, void *const *buffers, ptrdiff_t part, ptrdiff_t parts)
{
    const ptrdiff_t runs = (c->n + RUN - 1) / RUN;
    for (ptrdiff_t run = runs * part / parts; run < runs * (part + 1) / parts; ++run) {
        const ptrdiff_t first = run * RUN, left = c->n - first;
        OF_WIDTH(c->lanes, clipped_sum)(c, buffers, first, left < RUN ? left : RUN);
    }
}

int c2_run_clipped_sum(void *context, void *const *buffers)
{
    const c2_clipped_sum *c = context;
    const ptrdiff_t parts = c->n < 16 * RUN ? 1 : c->threads;
    if (parts == 1) {
        sum_part(c, buffers, 0, 1);
        return 0;
    }
#pragma omp parallel for schedule(static, 1) num_threads(parts)
    for (ptrdiff_t part = 0; part < parts; ++part)
        sum_part(c, buffers, part, parts);
    return 0;
}
