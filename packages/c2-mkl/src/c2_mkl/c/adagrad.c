/* Adagrad on some rows of a table. A row belongs to one thread, which takes its places in order: the result does not
 * depend on the number of threads, and is that of one place after another. */
#include "bags.h"
#include "parallel.h"

#include <string.h>

enum { BATCH = 32, GRAIN = 16384, LANES = 16 };

typedef struct {
    const c2_adagrad *c;
    float *param, *moment;
    const void *indices;
    const float *grad;
    float rate;
    int owners;
} adagrad_job;

/* Places of one thread whose rows are on their way from memory. */
typedef struct { ptrdiff_t count, places[BATCH], rows[BATCH]; } adagrad_batch;

static void update_row(
    float *w, float *h, const float *grad, ptrdiff_t n, float rate, float epsilon, float weight_decay)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        float g = grad[i] + weight_decay * w[i], sum = h[i] + g * g;
        h[i] = sum;
        w[i] += rate / (__builtin_sqrtf(sum) + epsilon) * g;
    }
}

static void update_row_wise(
    float *w, float *h, const float *grad, ptrdiff_t n, float rate, float epsilon, float weight_decay)
{
    float lanes[LANES] = {0}, sum = 0;
    ptrdiff_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; ++k) {
            float g = grad[i + k] + weight_decay * w[i + k];
            lanes[k] += g * g;
        }
    for (; i < n; ++i) {
        float g = grad[i] + weight_decay * w[i];
        sum += g * g;
    }
    for (int k = 0; k < LANES; ++k)
        sum += lanes[k];
    *h += sum / (float)n;
    float root = __builtin_sqrtf(*h) + epsilon;
    for (i = 0; i < n; ++i)
        w[i] += rate * (grad[i] + weight_decay * w[i]) / root;
}

/* The next own places from `from` on; returns where to go on. */
static ptrdiff_t gather_batch(
    const adagrad_job *job, ptrdiff_t from, ptrdiff_t first, ptrdiff_t last, adagrad_batch *batch)
{
    const c2_adagrad *c = job->c;
    batch->count = 0;
    for (; from < c->places && batch->count < BATCH; ++from) {
        ptrdiff_t row = index_at(job->indices, c->wide, from);
        ptrdiff_t owner = (ptrdiff_t)((uint64_t)((uint32_t)row * 2654435761u) * (uint64_t)job->owners >> 32);
        if (owner < first || owner >= last)
            continue;
        batch->places[batch->count] = from;
        batch->rows[batch->count++] = row;
        fetch_row((const char *)(job->param + row * c->width), 4 * c->width);
        fetch_row((const char *)(job->moment + row * (c->row_wise ? 1 : c->width)), c->row_wise ? 4 : 4 * c->width);
        fetch_row((const char *)(job->grad + from * c->width), 4 * c->width);
    }
    return from;
}

static void adagrad_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const adagrad_job *job = context;
    const c2_adagrad *c = job->c;
    adagrad_batch batches[2];
    (void)buffers, (void)thread;
    ptrdiff_t at = gather_batch(job, 0, first, last, &batches[0]);
    for (int turn = 0; batches[turn].count; turn ^= 1) {
        at = gather_batch(job, at, first, last, &batches[turn ^ 1]);
        for (ptrdiff_t k = 0; k < batches[turn].count; ++k) {
            ptrdiff_t row = batches[turn].rows[k];
            (c->row_wise ? update_row_wise : update_row)(
                job->param + row * c->width, job->moment + row * (c->row_wise ? 1 : c->width),
                job->grad + batches[turn].places[k] * c->width, c->width, job->rate, c->epsilon, c->weight_decay);
        }
    }
}

static float *copied(void *to, const void *from, ptrdiff_t n)
{
    return to == from ? to : memcpy(to, from, (size_t)n * sizeof(float));
}

int c2_run_adagrad(void *context, void *const *buffers)
{
    const c2_adagrad *c = context;
    adagrad_job job = {
        c, NULL, NULL, buffers[c->indices], buffers[c->grad], *(const float *)buffers[c->rate], 1,
    };
    ptrdiff_t bad = c2_first_outside(job.indices, c->wide, c->places, c->rows);
    if (bad >= 0)
        return c2_code_of(bad);
    job.param = copied(buffers[c->outputs], buffers[c->param], c->rows * c->width);
    job.moment = copied(buffers[c->outputs + 1], buffers[c->moment], c->rows * (c->row_wise ? 1 : c->width));
    ptrdiff_t useful = c->places * c->width / GRAIN;
    job.owners = (int)(useful < 1 ? 1 : useful < c->threads ? useful : c->threads);
    c2_parallel(adagrad_part, &job, buffers, job.owners, 1, job.owners);
    return 0;
}
