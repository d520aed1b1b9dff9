/* Sixteen floats, by the instructions that this build may use: AVX-512, AVX2 with FMA and F16C, or plain C. */
#ifndef C2_LANES_H
#define C2_LANES_H

#include "half.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#define LANES_FUNCTION static inline __attribute__((always_inline))

#if defined(__AVX512F__)

typedef __m512 V;
LANES_FUNCTION V lanes_set(float x) { return _mm512_set1_ps(x); }
LANES_FUNCTION V lanes_load(const void *p) { return _mm512_loadu_ps(p); }
LANES_FUNCTION V lanes_half(const void *p) { return _mm512_cvtph_ps(_mm256_loadu_si256(p)); }
LANES_FUNCTION V lanes_product_sum(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
LANES_FUNCTION V lanes_sum(V a, V b) { return _mm512_add_ps(a, b); }
LANES_FUNCTION V lanes_quotient(V a, V b) { return _mm512_div_ps(a, b); }
LANES_FUNCTION void lanes_store(float *p, V a) { _mm512_storeu_ps(p, a); }

LANES_FUNCTION V lanes_codes(const void *p, int shift, int mask)
{
    __m128i bytes = _mm_srli_epi16(_mm_loadu_si128(p), shift);
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_and_si128(bytes, _mm_set1_epi8((char)mask))));
}

#elif defined(__AVX2__)

typedef struct { __m256 low, high; } V;
LANES_FUNCTION V lanes_set(float x) { return (V){_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
LANES_FUNCTION V lanes_load(const void *p)
{
    return (V){_mm256_loadu_ps(p), _mm256_loadu_ps((const float *)p + 8)};
}
LANES_FUNCTION V lanes_half(const void *p)
{
    const __m128i *halves = p;
    return (V){_mm256_cvtph_ps(_mm_loadu_si128(halves)), _mm256_cvtph_ps(_mm_loadu_si128(halves + 1))};
}
LANES_FUNCTION V lanes_product_sum(V a, V b, V c)
{
    return (V){_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
LANES_FUNCTION V lanes_sum(V a, V b)
{
    return (V){_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
LANES_FUNCTION V lanes_quotient(V a, V b)
{
    return (V){_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
}
LANES_FUNCTION void lanes_store(float *p, V a)
{
    _mm256_storeu_ps(p, a.low);
    _mm256_storeu_ps(p + 8, a.high);
}

LANES_FUNCTION V lanes_codes(const void *p, int shift, int mask)
{
    __m128i bytes = _mm_and_si128(_mm_srli_epi16(_mm_loadu_si128(p), shift), _mm_set1_epi8((char)mask));
    return (V){
        _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)),
        _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8))),
    };
}

#else

typedef struct { float x[16]; } V;
#define LANES_LOOP(formula)                                                                                             \
    V y;                                                                                                                \
    for (int k = 0; k < 16; ++k)                                                                                        \
        y.x[k] = (formula);                                                                                             \
    return y;
LANES_FUNCTION V lanes_set(float x) { LANES_LOOP(x) }
LANES_FUNCTION V lanes_load(const void *p)
{
    V y;
    memcpy(&y, p, sizeof y);
    return y;
}
LANES_FUNCTION V lanes_half(const void *p)
{
    uint16_t h[16];
    memcpy(h, p, sizeof h);
    LANES_LOOP(float_of_half(h[k]))
}
LANES_FUNCTION V lanes_product_sum(V a, V b, V c) { LANES_LOOP(a.x[k] * b.x[k] + c.x[k]) }
LANES_FUNCTION V lanes_sum(V a, V b) { LANES_LOOP(a.x[k] + b.x[k]) }
LANES_FUNCTION V lanes_quotient(V a, V b) { LANES_LOOP(a.x[k] / b.x[k]) }
LANES_FUNCTION void lanes_store(float *p, V a) { memcpy(p, &a, sizeof a); }
LANES_FUNCTION V lanes_codes(const void *p, int shift, int mask)
{
    LANES_LOOP((float)(((const uint8_t *)p)[k] >> shift & mask))
}
#undef LANES_LOOP

#endif

#endif
