/* Sums and products of 8-bit numbers, each with a step of its own, in the steps of the result. */
#include "parallel.h"

#include <math.h>

enum { STRIP = 512 };

#define INTO(name, type, formula)                                                                                       \
    static void name(float *restrict sum, const type *restrict X, float factor, ptrdiff_t n)                            \
    {                                                                                                                   \
        for (ptrdiff_t i = 0; i < n; ++i)                                                                               \
            sum[i] = formula;                                                                                           \
    }

INTO(add_signed, int8_t, sum[i] + factor * (float)X[i])
INTO(add_unsigned, uint8_t, sum[i] + factor * (float)X[i])
INTO(multiply_signed, int8_t, sum[i] * (factor * (float)X[i]))
INTO(multiply_unsigned, uint8_t, sum[i] * (factor * (float)X[i]))

#define ROUND(name, type)                                                                                               \
    static void name(const float *restrict sum, type *restrict Y, float low, float high, ptrdiff_t n)                   \
    {                                                                                                                   \
        for (ptrdiff_t i = 0; i < n; ++i) {                                                                             \
            float x = sum[i] < low ? low : sum[i];                                                                      \
            Y[i] = (type)(int32_t)rintf(x > high ? high : x);                                                           \
        }                                                                                                               \
    }

ROUND(round_signed, int8_t)
ROUND(round_unsigned, uint8_t)

static void sum_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_sum_bytes *c = context;
    float sum[STRIP];
    (void)thread;
    for (ptrdiff_t at = first * STRIP; at < c->n && at < last * STRIP; at += STRIP) {
        ptrdiff_t n = c->n - at < STRIP ? c->n - at : STRIP;
        for (ptrdiff_t i = 0; i < n; ++i)
            sum[i] = c->is_product ? 1.0f : 0.0f;
        for (int k = 0; k < c->count; ++k) {
            const uint8_t *X = (const uint8_t *)buffers[k] + at;
            if (c->is_product)
                c->is_signed[k] ? multiply_signed(sum, (const int8_t *)X, c->factors[k], n)
                                : multiply_unsigned(sum, X, c->factors[k], n);
            else
                c->is_signed[k] ? add_signed(sum, (const int8_t *)X, c->factors[k], n)
                                : add_unsigned(sum, X, c->factors[k], n);
        }
        uint8_t *Y = (uint8_t *)buffers[c->count] + at;
        if (c->is_signed[c->count])
            round_signed(sum, (int8_t *)Y, c->low, c->high, n);
        else
            round_unsigned(sum, Y, c->low, c->high, n);
    }
}

int c2_run_sum_bytes(void *context, void *const *buffers)
{
    const c2_sum_bytes *c = context;
    c2_parallel(sum_part, c, buffers, (c->n + STRIP - 1) / STRIP, 32, c->threads);
    return 0;
}
