/* Caffe2's 8-bit tensors: results of products and sums, computed in double as c2-core's kernels do and rounded once. */
#include "parallel.h"

#include <math.h>

static inline __attribute__((always_inline)) uint8_t byte_of(double count, double zero_point, double least)
{
    double x = rint(count) + zero_point;
    x = x < least ? least : x;
    return (uint8_t)(int32_t)(x > 255 ? 255 : x);
}

static void results(const int32_t *sums, const int32_t *bias, uint8_t *Y, ptrdiff_t n, double factor, double zero_point, double least)
{
    if (bias)
        for (ptrdiff_t i = 0; i < n; ++i)
            Y[i] = byte_of(((double)sums[i] + bias[i]) * factor, zero_point, least);
    else
        for (ptrdiff_t i = 0; i < n; ++i)
            Y[i] = byte_of(sums[i] * factor, zero_point, least);
}

static void result_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_int8_result *c = context;
    const int32_t *sums = buffers[0];
    uint8_t *Y = buffers[1];
    (void)thread;
    for (ptrdiff_t r = first; r < last; ++r)
        results(sums + r * c->channels, c->bias, Y + r * c->channels, c->channels, c->factor, c->zero_point, c->least);
}

int c2_run_int8_result(void *context, void *const *buffers)
{
    const c2_int8_result *c = context;
    c2_parallel(result_part, c, buffers, c->rows, 1 + 16384 / (c->channels + 1), c->threads);
    return 0;
}

enum { PART = 1024 };

static void sum_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_int8_sum *c = context;
    const uint8_t *A = buffers[0], *B = buffers[1];
    uint8_t *Y = buffers[2];
    ptrdiff_t end = last * PART < c->n ? last * PART : c->n;
    double a = c->a, b = c->b, zero_point = c->zero_point, least = c->least;
    int a_zero = c->a_zero, b_zero = c->b_zero;
    (void)thread;
    for (ptrdiff_t i = first * PART; i < end; ++i)
        Y[i] = byte_of((A[i] - a_zero) * a + (B[i] - b_zero) * b, zero_point, least);
}

int c2_run_int8_sum(void *context, void *const *buffers)
{
    const c2_int8_sum *c = context;
    c2_parallel(sum_part, c, buffers, (c->n + PART - 1) / PART, 16, c->threads);
    return 0;
}
