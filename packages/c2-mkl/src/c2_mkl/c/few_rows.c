/* Y = X W^T + b for few rows of X: the weights stream through once, so their order in memory decides.
 *
 * They are packed in blocks of 64 outputs, the rest in blocks of 16: for each k the weights of all outputs of the block.
 * Four rows of 64 outputs are 16 registers of sums.
 */
#include "parallel.h"

#include <string.h>

enum { WIDE = 64, LANES = 16, CHUNK = 128 };

/* Blocks are counted in units of 16 outputs; where a block of 64 starts, it takes four of them. */
static ptrdiff_t width_at(const c2_few_rows *c, ptrdiff_t n)
{
    return n + WIDE <= c->N / WIDE * WIDE ? WIDE : LANES;
}

/* To the nearest bfloat16, of two to the even one; NaN stays NaN. */
static uint16_t half_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (uint16_t)(x != x ? bits >> 16 | 64 : (bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

static ptrdiff_t size_of(const c2_few_rows *c) { return c->halves ? 2 : 4; }

static void pack_block(const c2_few_rows *c, const float *W, ptrdiff_t n, ptrdiff_t width, void *to)
{
    for (ptrdiff_t from = 0; from < c->K; from += LANES)
        for (ptrdiff_t i = 0; i < width; ++i)
            for (ptrdiff_t k = from; k < from + LANES && k < c->K; ++k) {
                float w = n + i < c->N ? W[(n + i) * c->output_stride + k * c->k_stride] : 0;
                if (c->halves)
                    ((uint16_t *)to)[k * width + i] = half_of(w);
                else
                    ((float *)to)[k * width + i] = w;
            }
}

static void pack_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_few_rows *c = context;
    (void)thread;
    for (ptrdiff_t u = first; u < last; ++u) {
        ptrdiff_t n = u * LANES, width = width_at(c, n / WIDE * WIDE);
        if (width == LANES || n % WIDE == 0)
            pack_block(c, buffers[0], n, width, (char *)buffers[1] + n * c->K * size_of(c));
    }
}

void c2_pack_few_rows(const c2_few_rows *c, const float *W, void *packed)
{
    void *buffers[2] = {(void *)W, packed};
    c2_parallel(pack_part, c, buffers, (c->N + LANES - 1) / LANES, 1 + 65536 / (LANES * c->K), c->threads);
}

#if defined(__AVX512F__)
#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

INLINE __m512 weights_at(const char *W, const int halves)
{
    if (!halves)
        return _mm512_loadu_ps(W);
    __m512i bits = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)W));
    return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
}

/* `rows` rows of `vectors` times 16 outputs; these and `halves` are constants where it is inlined. A single vector may be cut.
 * Terms are added up in chunks: the rounding error grows with a chunk's length, not with K. */
INLINE void block(const c2_few_rows *c, const float *X, const char *W, const float *b, float *Y, ptrdiff_t left,
                  const int rows, const int vectors, const int halves)
{
    const ptrdiff_t step = LANES * (halves ? 2 : 4);
    __mmask16 stays = vectors == 1 && left < LANES ? (__mmask16)((1u << left) - 1) : 0xFFFF;
    __m512 sum[4][4], part[4][4];
    for (int r = 0; r < rows; ++r)
        for (int v = 0; v < vectors; ++v)
            sum[r][v] = _mm512_maskz_loadu_ps(stays, b + v * LANES);
    for (ptrdiff_t from = 0; from < c->K; from += CHUNK) {
        ptrdiff_t to = from + CHUNK < c->K ? from + CHUNK : c->K;
        for (int r = 0; r < rows; ++r)
            for (int v = 0; v < vectors; ++v)
                part[r][v] = _mm512_setzero_ps();
        for (ptrdiff_t k = from; k < to; ++k, W += vectors * step)
            for (int v = 0; v < vectors; ++v) {
                __m512 w = weights_at(W + v * step, halves);
                for (int r = 0; r < rows; ++r)
                    part[r][v] = _mm512_fmadd_ps(w, _mm512_set1_ps(X[r * c->K + k]), part[r][v]);
            }
        for (int r = 0; r < rows; ++r)
            for (int v = 0; v < vectors; ++v)
                sum[r][v] = _mm512_add_ps(sum[r][v], part[r][v]);
    }
    for (int r = 0; r < rows; ++r)
        for (int v = 0; v < vectors; ++v)
            _mm512_mask_storeu_ps(Y + r * c->N + v * LANES, stays, sum[r][v]);
}

static void rows_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_few_rows *c = context;
    const float *X = buffers[0], *b = buffers[1];
    (void)thread;
    for (ptrdiff_t u = first; u < last; ++u) {
        ptrdiff_t n = u * LANES, width = width_at(c, n / WIDE * WIDE);
        if (width == WIDE && n % WIDE)
            continue;
        const char *W = (const char *)c->weights + n * c->K * size_of(c);
        float *Y = (float *)buffers[2] + n;
#define CASE(rows, halves)                                                                                              \
    case 2 * rows + halves:                                                                                             \
        if (width == WIDE)                                                                                              \
            block(c, X, W, b + n, Y, c->N - n, rows, 4, halves);                                                        \
        else                                                                                                            \
            block(c, X, W, b + n, Y, c->N - n, rows, 1, halves);                                                        \
        break;
        switch (2 * c->M + c->halves) {
            CASE(1, 0) CASE(2, 0) CASE(3, 0) CASE(4, 0) CASE(1, 1) CASE(2, 1) CASE(3, 1) CASE(4, 1)
        }
    }
}

int c2_run_few_rows(void *context, void *const *buffers)
{
    const c2_few_rows *c = context;
    ptrdiff_t units = (c->N + LANES - 1) / LANES;
    c2_parallel(rows_part, c, buffers, units, 1 + 65536 / (LANES * c->K), c->threads);
    return 0;
}

int c2_has_few_rows(void) { return 1; }

#else

int c2_run_few_rows(void *context, void *const *buffers)
{
    (void)context, (void)buffers;
    return 1;
}

int c2_has_few_rows(void) { return 0; }

#endif
