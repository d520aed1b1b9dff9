/* Averages of whole images of 8-bit integers, as float or in 8 bits again. */
#include "parallel.h"

#include <math.h>

enum { STRIP = 64 };

#define SUMS(name, type)                                                                                                \
    static void name(const type *X, int32_t *sums, ptrdiff_t positions, ptrdiff_t channels, ptrdiff_t n)                \
    {                                                                                                                   \
        int32_t found[STRIP] = {0};                                                                                     \
        for (ptrdiff_t p = 0; p < positions; ++p)                                                                       \
            for (ptrdiff_t c = 0; c < n; ++c)                                                                           \
                found[c] += X[p * channels + c];                                                                        \
        for (ptrdiff_t c = 0; c < n; ++c)                                                                               \
            sums[c] = found[c];                                                                                         \
    }

SUMS(sums_signed, int8_t)
SUMS(sums_unsigned, uint8_t)

static float within(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

/* Numbers at..at + n of the target. */
static void write(const c2_mean *c, void *target, ptrdiff_t at, ptrdiff_t n, const int32_t *sums)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        float mean = (float)sums[i] * c->factor;
        if (c->form == C2_AS_FLOAT)
            ((float *)target)[at + i] = mean;
        else if (c->form == C2_AS_U8)
            ((uint8_t *)target)[at + i] = (uint8_t)rintf(within(mean, 0.0f, 255.0f));
        else
            ((int8_t *)target)[at + i] = (int8_t)rintf(within(mean, -127.0f, 127.0f));
    }
}

static void mean_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_mean *c = context;
    int32_t sums[STRIP];
    (void)thread;
    for (ptrdiff_t k = first; k < last; ++k)
        for (ptrdiff_t at = 0; at < c->channels; at += STRIP) {
            const char *X = (const char *)buffers[0] + k * c->positions * c->channels + at;
            ptrdiff_t n = c->channels - at < STRIP ? c->channels - at : STRIP;
            if (c->is_signed)
                sums_signed((const int8_t *)X, sums, c->positions, c->channels, n);
            else
                sums_unsigned((const uint8_t *)X, sums, c->positions, c->channels, n);
            write(c, buffers[1], k * c->channels + at, n, sums);
        }
}

int c2_run_mean(void *context, void *const *buffers)
{
    const c2_mean *c = context;
    c2_parallel(mean_part, c, buffers, c->images, 1 + 262144 / (c->positions * c->channels), c->threads);
    return 0;
}
