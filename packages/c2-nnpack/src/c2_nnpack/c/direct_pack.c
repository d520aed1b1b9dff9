/* Filters in the order in which direct products read them: [group][panel of 2 * lanes outputs][term][output]. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "calls/direct.h"

/* One output's filter (C, rows, columns): terms go by rows, then planes, then columns, then channels of the plane. */
static void pack_filter(const float *filter, ptrdiff_t C, ptrdiff_t depth, ptrdiff_t rows, ptrdiff_t columns, float *to,
                        ptrdiff_t width)
{
    for (ptrdiff_t row = 0; row < rows; ++row)
        for (ptrdiff_t first = 0; first < C; first += depth)
            for (ptrdiff_t column = 0; column < columns; ++column)
                for (ptrdiff_t k = first; k < C && k < first + depth; ++k, to += width)
                    *to = filter[(k * rows + row) * columns + column];
}

void c2_pack_direct(const c2_direct *c, const float *W, ptrdiff_t C, ptrdiff_t columns, float *packed)
{
    const ptrdiff_t outputs = c->blocks * 16, panel = 2 * c->lanes, all = c->group * outputs;
    const ptrdiff_t filter = C * c->window * columns;
    memset(packed, 0, (size_t)c2_direct_weights(c) * sizeof *packed);
#pragma omp parallel for num_threads(c->threads) if (c->threads > 1)
    for (ptrdiff_t k = 0; k < all; ++k) {
        ptrdiff_t within = k % outputs, first = within / panel * panel, left = outputs - first;
        float *to = packed + (k - within + first) * filter + within - first;
        if (k < c->K)
            pack_filter(W + k * filter, C, c->depth, c->window, columns, to, left < panel ? left : panel);
    }
}
