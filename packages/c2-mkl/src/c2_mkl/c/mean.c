/* Averages of whole images of 8-bit integers, as float. */
#include "parallel.h"

#define MEAN(name, type)                                                                                                \
    C2_CLONES static void name(const type *X, float *Y, ptrdiff_t positions, ptrdiff_t channels, float factor)          \
    {                                                                                                                   \
        enum { STRIP = 64 };                                                                                            \
        for (ptrdiff_t at = 0; at < channels; at += STRIP) {                                                            \
            int32_t sums[STRIP] = {0};                                                                                  \
            ptrdiff_t n = channels - at < STRIP ? channels - at : STRIP;                                                \
            for (ptrdiff_t p = 0; p < positions; ++p)                                                                   \
                for (ptrdiff_t c = 0; c < n; ++c)                                                                       \
                    sums[c] += X[p * channels + at + c];                                                                \
            for (ptrdiff_t c = 0; c < n; ++c)                                                                           \
                Y[at + c] = (float)sums[c] * factor;                                                                    \
        }                                                                                                               \
    }

MEAN(mean_signed, int8_t)
MEAN(mean_unsigned, uint8_t)

static void mean_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_mean *c = context;
    (void)thread;
    for (ptrdiff_t k = first; k < last; ++k) {
        const char *X = (const char *)buffers[0] + k * c->positions * c->channels;
        float *Y = (float *)buffers[1] + k * c->channels;
        if (c->is_signed)
            mean_signed((const int8_t *)X, Y, c->positions, c->channels, c->factor);
        else
            mean_unsigned((const uint8_t *)X, Y, c->positions, c->channels, c->factor);
    }
}

int c2_run_mean(void *context, void *const *buffers)
{
    const c2_mean *c = context;
    c2_parallel(mean_part, c, buffers, c->images, 1 + 262144 / (c->positions * c->channels), c->threads);
    return 0;
}
