/* Images made of other images' pixels: output (h, w) is input (rows[h], columns[w]), channels last. */
#include "parallel.h"

#include <string.h>

static void pick_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_pick *c = context;
    size_t pixel = (size_t)c->pixel;
    (void)thread;
    for (ptrdiff_t k = first; k < last; ++k) {
        ptrdiff_t image = k / c->height, h = k % c->height;
        const char *X = (const char *)buffers[0] + (image * c->rows_in + c->rows[h]) * c->columns_in * c->pixel;
        char *Y = (char *)buffers[1] + k * c->width * c->pixel;
        for (ptrdiff_t w = 0; w < c->width; ++w, Y += pixel)
            memcpy(Y, X + c->columns[w] * c->pixel, pixel);
    }
}

int c2_run_pick(void *context, void *const *buffers)
{
    const c2_pick *c = context;
    c2_parallel(pick_part, c, buffers, c->images * c->height, 1 + 65536 / (c->width * c->pixel), c->threads);
    return 0;
}
