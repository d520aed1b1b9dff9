/* Gradients of lookups: the gradient of a bag goes to all its places. */
#include "bags.h"
#include "dot.h"
#include "parallel.h"

#include <string.h>

enum { AHEAD = 16, GRAIN = 32768 };

typedef struct {
    const c2_spread *c;
    const float *source, *weights, *data;
    const int32_t *lengths;
    const void *indices;
    float *values, *products;
} spread_job;

static void times(const float *X, float by, float *Y, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        Y[i] = X[i] * by;
}

static void over(const float *X, float by, float *Y, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        Y[i] = X[i] / by;
}

static void spread_bag(const spread_job *job, const c2_bag *bag)
{
    const c2_spread *c = job->c;
    ptrdiff_t width = c->width;
    const float *from = job->source + bag->bag * width;
    for (ptrdiff_t k = bag->place; k < bag->place + bag->length; ++k) {
        float *to = job->values + k * width;
        if (job->weights)
            times(from, job->weights[k], to, width);
        else if (c->mean && k == bag->place && bag->length > 1)
            over(from, (float)bag->length, to, width), from = to;
        else
            memcpy(to, from, (size_t)width * sizeof *to);
    }
    from = job->source + bag->bag * width;
    for (ptrdiff_t k = bag->place; job->data && k < bag->place + bag->length; ++k) {
        if (k + AHEAD < c->places)
            fetch_row((const char *)(job->data + index_at(job->indices, c->wide, k + AHEAD) * width), 4 * width);
        job->products[k] = dot(job->data + index_at(job->indices, c->wide, k) * width, from, width);
    }
}

static void spread_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const spread_job *job = context;
    c2_bag bag = FIRST_BAG;
    (void)buffers, (void)thread;
    while (next_bag(&bag, job->lengths, job->c->bags, first, last))
        spread_bag(job, &bag);
}

int c2_run_spread(void *context, void *const *buffers)
{
    const c2_spread *c = context;
    ptrdiff_t longest;
    spread_job job = {
        c, buffers[c->source], c->weights < 0 ? NULL : buffers[c->weights], c->data < 0 ? NULL : buffers[c->data],
        buffers[c->lengths], c->data < 0 ? NULL : buffers[c->indices], buffers[c->values],
        c->data < 0 ? NULL : buffers[c->products],
    };
    int code = c2_check_lengths(job.lengths, c->bags, c->places, &longest);
    ptrdiff_t bad = code || !job.data ? -1 : c2_first_outside(job.indices, c->wide, c->places, c->rows);
    if (code || bad >= 0)
        return code ? code : c2_code_of(bad);
    c2_parallel(spread_part, &job, buffers, c->places + c->bags, 1 + GRAIN / c->width, c->threads);
    return 0;
}
