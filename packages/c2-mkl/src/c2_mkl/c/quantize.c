/* Images as they come from a file, in planes of float, as 8-bit integers with channels last. */
#include "parallel.h"
#include "vnni.h"

#include <math.h>

enum { STRIP = 1024, MOST_CHANNELS = 4 }; /* positions at a time: their bytes stay in the first cache */

#define ROUNDED(name, type, low, high)                                                                                  \
    static void name(const float *X, uint8_t *Y, ptrdiff_t n, float factor)                                             \
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

static void interleave_3(uint8_t planes[][STRIP], uint8_t *Y, ptrdiff_t n)
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

#if HAS_VNNI
INLINE __m512i numbers_of(const c2_quantize *c, const float *X, __mmask16 stays)
{
    __m512 x = _mm512_mul_ps(_mm512_maskz_loadu_ps(stays, X), _mm512_set1_ps(c->factor));
    x = _mm512_max_ps(x, _mm512_set1_ps(c->is_signed ? -128.0f : 0.0f));
    return _mm512_cvtps_epi32(_mm512_min_ps(x, _mm512_set1_ps(c->is_signed ? 127.0f : 255.0f)));
}

/* Three planes, sixteen positions at a time: a register of pixels of four bytes, of which three are kept. */
VNNI static void pixels(const c2_quantize *c, const float *X, uint8_t *Y, ptrdiff_t n)
{
    __m512i byte = _mm512_set1_epi32(255);
    __m512i bytes = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
    __m512i fours = _mm512_setr_epi32(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 7, 11, 15);
    for (ptrdiff_t i = 0; i < n; i += 16) {
        ptrdiff_t left = n - i < 16 ? n - i : 16;
        __mmask16 stays = (__mmask16)((1u << left) - 1);
        __m512i first = _mm512_and_si512(numbers_of(c, X + i, stays), byte);
        __m512i second = _mm512_and_si512(numbers_of(c, X + c->positions + i, stays), byte);
        __m512i third = _mm512_slli_epi32(numbers_of(c, X + 2 * c->positions + i, stays), 16);
        __m512i pixel = _mm512_or_si512(_mm512_or_si512(first, _mm512_slli_epi32(second, 8)), third);
        __m512i packed = _mm512_permutexvar_epi32(fours, _mm512_shuffle_epi8(pixel, bytes));
        if (left == 16) {
            _mm256_storeu_si256((void *)(Y + 3 * i), _mm512_castsi512_si256(packed));
            _mm_storeu_si128((void *)(Y + 3 * i + 32), _mm512_extracti32x4_epi32(packed, 2));
        } else
            _mm512_mask_storeu_epi8(Y + 3 * i, ((__mmask64)1 << 3 * left) - 1, packed);
    }
}
#endif

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
#if HAS_VNNI
        if (c->channels == 3 && c2_has_vnni()) {
            pixels(c, X, Y, n);
            continue;
        }
#endif
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
