/* Y = X W^T * scale + b for few rows of 8-bit numbers: as in few_rows.c, the weights stream through once.
 *
 * They are packed in blocks of 64 outputs, filled up with zeros: for every four k those of each output. Bytes with a sign
 * have their highest bit flipped, which adds 128; `start` takes that out of the sums.
 */
#include "parallel.h"
#include "vnni.h"

#if HAS_VNNI
#include <string.h>

enum { BLOCK = 64, LANES = 16, VECTORS = BLOCK / LANES };

/* Four bytes of a row, zeros behind its end. */
INLINE __m512i four_of(const uint8_t *X, ptrdiff_t k, ptrdiff_t K, __m512i flip)
{
    int32_t four = 0;
    if (k + 4 <= K)
        memcpy(&four, X + k, sizeof four);
    else
        memcpy(&four, X + k, (size_t)(K - k));
    return _mm512_xor_si512(_mm512_set1_epi32(four), flip);
}

/* `rows` is a constant where it is inlined. */
INLINE void block(const c2_few_rows_bytes *c, void *const *buffers, ptrdiff_t n, const int rows)
{
    ptrdiff_t quads = (c->K + 3) / 4;
    const char *W = (const char *)c->weights + n * quads * 4;
    __m512i sum[4][VECTORS], flip = _mm512_set1_epi8((char)(c->is_signed ? 0x80 : 0));
    for (int r = 0; r < rows; ++r)
        for (int v = 0; v < VECTORS; ++v)
            sum[r][v] = _mm512_loadu_si512(c->start + n + v * LANES);
    for (ptrdiff_t k = 0; k < c->K; k += 4, W += 4 * BLOCK) {
        __m512i x[4];
        for (int r = 0; r < rows; ++r)
            x[r] = four_of((const uint8_t *)buffers[0] + r * c->K, k, c->K, flip);
        for (int v = 0; v < VECTORS; ++v) {
            __m512i w = _mm512_loadu_si512(W + 64 * v);
            for (int r = 0; r < rows; ++r)
                sum[r][v] = _mm512_dpbusd_epi32(sum[r][v], x[r], w);
        }
    }
    for (int v = 0; v < VECTORS && n + v * LANES < c->N; ++v) {
        ptrdiff_t at = n + v * LANES, left = c->N - at;
        __mmask16 stays = left < LANES ? (__mmask16)((1u << left) - 1) : 0xFFFF;
        __m512 b = _mm512_maskz_loadu_ps(stays, (const float *)buffers[1] + at), scale = _mm512_loadu_ps(c->scales + at);
        for (int r = 0; r < rows; ++r) {
            __m512 y = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[r][v]), scale, b);
            _mm512_mask_storeu_ps((float *)buffers[2] + r * c->N + at, stays, y);
        }
    }
}

VNNI static void rows_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_few_rows_bytes *c = context;
    (void)thread;
    for (ptrdiff_t n = first * BLOCK; n < last * BLOCK; n += BLOCK)
        switch (c->M) {
        case 1: block(c, buffers, n, 1); break;
        case 2: block(c, buffers, n, 2); break;
        case 3: block(c, buffers, n, 3); break;
        case 4: block(c, buffers, n, 4); break;
        }
}

int c2_run_few_rows_bytes(void *context, void *const *buffers)
{
    const c2_few_rows_bytes *c = context;
    c2_parallel(rows_part, c, buffers, (c->N + BLOCK - 1) / BLOCK, 1 + 131072 / (BLOCK * c->K), c->threads);
    return 0;
}

#else

int c2_run_few_rows_bytes(void *context, void *const *buffers)
{
    (void)context, (void)buffers;
    return 1;
}

#endif
