/* Softmax along rows. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "calls/softmax.h"

#define BODY "softmax_row.h"
#include "every_width.h"

int c2_run_softmax(void *context, void *const *buffers)
{
    const c2_softmax *c = context;
    const float *X = buffers[0];
    float *Y = buffers[1];
#pragma omp parallel for num_threads(c->threads) if (c->threads > 1 && c->rows * c->columns > 8192)
    for (ptrdiff_t row = 0; row < c->rows; ++row)
        OF_WIDTH(c->lanes, softmax_row)(X + row * c->columns, c->columns, Y + row * c->columns);
    return 0;
}
