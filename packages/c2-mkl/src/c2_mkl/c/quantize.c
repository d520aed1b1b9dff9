/* Images as they come from a file, in planes of float, as 8-bit integers with channels last. */
#include "parallel.h"

#include <math.h>

enum { STRIP = 1024, MOST_CHANNELS = 4 }; /* positions at a time: their bytes stay in the first cache */

#define ROUNDED(name, type, low, high)                                                                                  \
    C2_CLONES static void name(const float *X, uint8_t *Y, ptrdiff_t n, float factor)                                   \
    {                                                                                                                   \
        for (ptrdiff_t i = 0; i < n; ++i) {                                                                             \
            float x = X[i] * factor;                                                                                    \
            x = x < low ? low : x;                                                                                      \
            x = x > high ? high : x;                                                                                    \
            Y[i] = (uint8_t)(type)(int32_t)rintf(x);                                                                    \
        }                                                                                                               \
    }

ROUNDED(rounded_signed, int8_t, -128.0f, 127.0f)
ROUNDED(rounded_unsigned, uint8_t, 0.0f, 255.0f)

C2_CLONES static void interleave_3(uint8_t planes[][STRIP], uint8_t *Y, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        Y[3 * i] = planes[0][i];
        Y[3 * i + 1] = planes[1][i];
        Y[3 * i + 2] = planes[2][i];
    }
}

static void interleave(uint8_t planes[][STRIP], uint8_t *Y, ptrdiff_t n, ptrdiff_t channels)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        for (ptrdiff_t c = 0; c < channels; ++c)
            Y[i * channels + c] = planes[c][i];
}

static void quantize_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_quantize *c = context;
    ptrdiff_t strips = (c->positions + STRIP - 1) / STRIP;
    uint8_t planes[MOST_CHANNELS][STRIP];
    (void)thread;
    for (ptrdiff_t k = first; k < last; ++k) {
        ptrdiff_t image = k / strips, at = k % strips * STRIP;
        ptrdiff_t n = c->positions - at < STRIP ? c->positions - at : STRIP;
        const float *X = (const float *)buffers[0] + image * c->channels * c->positions + at;
        uint8_t *Y = (uint8_t *)buffers[1] + (image * c->positions + at) * c->channels;
        for (ptrdiff_t channel = 0; channel < c->channels; ++channel)
            (c->is_signed ? rounded_signed : rounded_unsigned)(X + channel * c->positions, planes[channel], n, c->factor);
        if (c->channels == 3)
            interleave_3(planes, Y, n);
        else
            interleave(planes, Y, n, c->channels);
    }
}

int c2_run_quantize(void *context, void *const *buffers)
{
    const c2_quantize *c = context;
    ptrdiff_t strips = (c->positions + STRIP - 1) / STRIP;
    c2_parallel(quantize_part, c, buffers, c->images * strips, 32, c->threads);
    return 0;
}
