/* Local response normalization across channels, and its gradient: Y = X / S^beta with S = bias + weight * sum of X^2 over
 * `size` channels. Positions are taken in tiles of C rows of `tile` numbers; what stands `tile` numbers further on is the
 * next channel, so that a sum over channels is one over shifted rows, with zeros around them.
 */
#include "exponential.h"
#include "parallel.h"

#include <string.h>

/* target[i] = start + the sum of padded[i + k * tile], k < size. */
static void shifted_sums(const float *padded, ptrdiff_t n, int size, ptrdiff_t tile, float start, float *target)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        target[i] = start + padded[i];
    for (int k = 1; k < size; ++k)
        for (ptrdiff_t i = 0; i < n; ++i)
            target[i] += padded[i + k * tile];
}

static void weighted_squares(const float *X, ptrdiff_t n, float weight, float *Y)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        Y[i] = X[i] * X[i] * weight;
}

/* s^-beta, for the usual 3/4 by roots. */
static void powers(const float *s, ptrdiff_t n, float beta, float *p)
{
    if (beta == 0.75f)
        for (ptrdiff_t i = 0; i < n; ++i) {
            float root = __builtin_sqrtf(s[i]);
            p[i] = 1.0f / (root * __builtin_sqrtf(root));
        }
    else
        for (ptrdiff_t i = 0; i < n; ++i)
            p[i] = exponential(-beta * logarithm_of_any(s[i]));
}

static void products(const float *A, const float *B, ptrdiff_t n, float *C)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        C[i] = A[i] * B[i];
}

static void terms_of(const float *dY, const float *Y, const float *s, ptrdiff_t n, float *terms)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        terms[i] = dY[i] * Y[i] / s[i];
}

static void joined(
    const float *dY, const float *p, const float *X, const float *sums, ptrdiff_t n, float back, float *dX)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        dX[i] = dY[i] * p[i] + back * X[i] * sums[i];
}

/* A tile's rows, each where it stands in the image or, with `blocks` of channels, from wherever they are. */
static void move(const c2_lrn *c, char *image, ptrdiff_t position, ptrdiff_t width, float *tile, int back)
{
    ptrdiff_t runs = c->block == 1 ? c->channels : (c->channels + c->block - 1) / c->block;
    for (ptrdiff_t r = 0; r < runs; ++r) {
        float *at = (float *)image + (r * c->positions + position) * c->block;
        float *own = tile + r * (c->block == 1 ? width : c->block);
        ptrdiff_t left = c->channels - r * c->block, n = c->block == 1 ? width : left < c->block ? left : c->block;
        memcpy(back ? at : own, back ? own : at, (size_t)n * sizeof *own);
        if (back && c->block > 1)
            memset(at + n, 0, (size_t)(c->block - n) * sizeof *at);
    }
}

/* Numbers of scratch memory: eight arrays of a tile, with the zeros around it. */
static ptrdiff_t room(const c2_lrn *c)
{
    return (c->channels + c->size) * c->tile;
}

static void lrn_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_lrn *c = context;
    ptrdiff_t tiles = (c->positions + c->tile - 1) / c->tile, padded = c->block == 1 ? c->channels : (c->channels + c->block - 1) / c->block * c->block;
    int before = (c->size - 1) / 2, images = c->gradient ? 3 : 1, results = c->gradient || !c->gives_scale ? 1 : 2;
    float *own[8];
    for (int k = 0; k < 8; ++k)
        own[k] = (float *)buffers[5] + (thread * 8 + k) * room(c);
    float *x = own[0], *y = own[1], *dy = own[2], *s = own[3], *p = own[4], *sums = own[5], *zeros = own[6], *result = own[7];
    for (ptrdiff_t t = first; t < last; ++t) {
        ptrdiff_t position = t % tiles * c->tile, left = c->positions - position, width = left < c->tile ? left : c->tile;
        ptrdiff_t n = c->channels * width, image = t / tiles * padded * c->positions;
        for (int k = 0; k < images; ++k)
            move(c, (char *)((float *)buffers[k] + image), position, width, own[k], 0);
        memset(zeros, 0, (size_t)(n + (c->size - 1) * width) * sizeof *zeros);
        weighted_squares(x, n, c->weight, zeros + before * width);
        shifted_sums(zeros, n, c->size, width, c->bias, s);
        powers(s, n, c->beta, p);
        if (c->gradient) {
            memset(zeros, 0, (size_t)(n + (c->size - 1) * width) * sizeof *zeros);
            terms_of(dy, y, s, n, zeros + (c->size - 1 - before) * width);
            shifted_sums(zeros, n, c->size, width, 0, sums);
            joined(dy, p, x, sums, n, -2 * c->weight * c->beta, result);
        } else
            products(x, p, n, result);
        for (int k = 0; k < results; ++k)
            move(c, (char *)((float *)buffers[3 + k] + image), position, width, k ? s : result, 1);
    }
}

int c2_run_lrn(void *context, void *const *buffers)
{
    const c2_lrn *c = context;
    ptrdiff_t tiles = (c->positions + c->tile - 1) / c->tile;
    c2_parallel(lrn_part, c, buffers, c->images * tiles, 1 + 4096 / (c->channels * c->tile), c->threads);
    return 0;
}
