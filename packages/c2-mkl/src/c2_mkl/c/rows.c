/* Softmax, joining and copying. */
#include "exponential.h"
#include "parallel.h"

#include <string.h>

enum { LANES = 16 };

static inline __attribute__((always_inline)) float larger(float a, float b)
{
    return b > a || b != b ? b : a;
}

static float maximum_of(const float *X, ptrdiff_t n)
{
    float lanes[LANES], best = X[0];
    ptrdiff_t i = 0;
    for (int k = 0; k < LANES; ++k)
        lanes[k] = X[0];
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; ++k)
            lanes[k] = larger(lanes[k], X[i + k]);
    for (; i < n; ++i)
        best = larger(best, X[i]);
    for (int k = 0; k < LANES; ++k)
        best = larger(best, lanes[k]);
    return best;
}

static void exponentials(const float *X, float shift, float *Y, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        Y[i] = exponential(X[i] - shift);
}

static float sum_of(const float *X, ptrdiff_t n)
{
    float lanes[LANES] = {0}, sum = 0;
    ptrdiff_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; ++k)
            lanes[k] += X[i + k];
    for (; i < n; ++i)
        sum += X[i];
    for (int k = 0; k < LANES; ++k)
        sum += lanes[k];
    return sum;
}

static void divide(float *Y, float by, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        Y[i] /= by;
}

static void softmax_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_softmax *c = context;
    ptrdiff_t n = c->columns;
    (void)thread;
    for (ptrdiff_t r = first; r < last; ++r) {
        const float *x = (const float *)buffers[0] + r * n;
        float *y = (float *)buffers[1] + r * n;
        exponentials(x, maximum_of(x, n), y, n);
        divide(y, sum_of(y, n), n);
    }
}

int c2_run_softmax(void *context, void *const *buffers)
{
    const c2_softmax *c = context;
    c2_parallel(softmax_part, c, buffers, c->rows, 1 + 4096 / c->columns, c->threads);
    return 0;
}

static void concat_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_concat *c = context;
    ptrdiff_t joined = 0;
    (void)thread;
    for (int k = 0; k < c->count; ++k)
        joined += c->bytes[k];
    for (ptrdiff_t r = first; r < last; ++r) {
        char *to = (char *)buffers[c->count] + r * joined;
        for (int k = 0; k < c->count; ++k) {
            memmove(to, (const char *)buffers[k] + r * c->bytes[k], (size_t)c->bytes[k]);
            to += c->bytes[k];
        }
    }
}

int c2_run_concat(void *context, void *const *buffers)
{
    const c2_concat *c = context;
    ptrdiff_t joined = 1;
    int placed = c->outer == 1; /* every part where it belongs already? */
    for (int k = 0; k < c->count; ++k) {
        placed = placed && buffers[k] == (char *)buffers[c->count] + joined - 1;
        joined += c->bytes[k];
    }
    if (!placed)
        c2_parallel(concat_part, c, buffers, c->outer, 1 + 262144 / joined, c->threads);
    memcpy(buffers[c->count + 1], c->sizes, (size_t)c->count * sizeof *c->sizes);
    return 0;
}

int c2_run_copy(void *context, void *const *buffers)
{
    const c2_copy *c = context;
    if (buffers[0] != buffers[1])
        memmove(buffers[1], buffers[0], (size_t)c->bytes);
    return 0;
}

int c2_run_constant(void *context, void *const *buffers)
{
    const c2_constant *c = context;
    memcpy(buffers[0], c->source, (size_t)c->bytes);
    return 0;
}
