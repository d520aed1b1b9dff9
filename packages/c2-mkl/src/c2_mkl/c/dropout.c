/* Dropout in training mode, and its gradient. What is dropped is multiplied by 0, so that NaN stays NaN. */
#include "bits.h"

static void drop(
    const uint32_t *bits, const float *X, float *Y, uint8_t *mask, ptrdiff_t n, uint32_t limit, float scale)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        uint32_t kept = (bits[i] >> 8) >= limit;
        mask[i] = (uint8_t)kept;
        Y[i] = X[i] * scale * (kept ? 1.0f : 0.0f);
    }
}

static void dropout_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_dropout *c = context;
    uint32_t bits[CHUNK], limit = (uint32_t)__builtin_ceilf(c->ratio * 0x1p24f);
    (void)thread;
    for (ptrdiff_t chunk = first; chunk < last; ++chunk) {
        ptrdiff_t start = chunk * CHUNK, n = c->n - start < CHUNK ? c->n - start : CHUNK;
        bits_of_chunk(c->seed, chunk, bits);
        drop(
            bits, (const float *)buffers[0] + start, (float *)buffers[1] + start, (uint8_t *)buffers[2] + start, n, limit,
            c->scale);
    }
}

int c2_run_dropout(void *context, void *const *buffers)
{
    c2_dropout *c = context;
    c->seed = spread(&c->state);
    c2_parallel(dropout_part, c, buffers, (c->n + CHUNK - 1) / CHUNK, 8, c->threads);
    return 0;
}

static void keep(const float *dY, const uint8_t *mask, float *dX, ptrdiff_t n, float scale)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        dX[i] = dY[i] * scale * (mask[i] ? 1.0f : 0.0f);
}

static void gradient_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_dropout *c = context;
    (void)thread;
    keep(
        (const float *)buffers[0] + first, (const uint8_t *)buffers[1] + first, (float *)buffers[2] + first, last - first,
        c->scale);
}

int c2_run_dropout_gradient(void *context, void *const *buffers)
{
    const c2_dropout *c = context;
    c2_parallel(gradient_part, c, buffers, c->n, 32768, c->threads);
    return 0;
}
