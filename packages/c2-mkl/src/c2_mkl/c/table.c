/* A function of 8-bit numbers as a table of its 256 values. */
#include "parallel.h"

#if defined(__AVX512BW__)
#include <immintrin.h>

/* Four registers hold the table; bit 7 of a number tells which half of it to take from. */
__attribute__((target("avx512vbmi"))) static ptrdiff_t
by_vectors(const uint8_t *X, uint8_t *Y, const uint8_t *table, ptrdiff_t n)
{
    __m512i quarters[4];
    ptrdiff_t at = 0;
    for (int k = 0; k < 4; ++k)
        quarters[k] = _mm512_loadu_si512(table + 64 * k);
    for (; at + 64 <= n; at += 64) {
        __m512i x = _mm512_loadu_si512(X + at);
        __m512i low = _mm512_permutex2var_epi8(quarters[0], x, quarters[1]);
        __m512i high = _mm512_permutex2var_epi8(quarters[2], x, quarters[3]);
        _mm512_storeu_si512(Y + at, _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), low, high));
    }
    return at;
}

static int has_vectors(void)
{
    return __builtin_cpu_supports("avx512vbmi") != 0;
}
#else
static ptrdiff_t by_vectors(const uint8_t *X, uint8_t *Y, const uint8_t *table, ptrdiff_t n)
{
    (void)X, (void)Y, (void)table, (void)n;
    return 0;
}
static int has_vectors(void) { return 0; }
#endif

enum { PART = 4096 };

static void table_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_table *c = context;
    ptrdiff_t end = last * PART < c->n ? last * PART : c->n, at = first * PART;
    const uint8_t *X = buffers[0];
    uint8_t *Y = buffers[1];
    (void)thread;
    if (has_vectors())
        at += by_vectors(X + at, Y + at, c->values, end - at);
    for (; at < end; ++at)
        Y[at] = c->values[X[at]];
}

int c2_run_table(void *context, void *const *buffers)
{
    const c2_table *c = context;
    c2_parallel(table_part, c, buffers, (c->n + PART - 1) / PART, 16, c->threads);
    return 0;
}
