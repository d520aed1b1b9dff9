/* Pools in any layout whose planes are positions times a block of channels.
 *
 * An output row is made in two steps: the input rows of its windows become one row, then the windows are taken along
 * it. Both steps run over neighbouring elements, so both are vectors. A window that holds NaN gives NaN.
 */
#include "parallel.h"

#include <math.h>
#include <string.h>

static inline __attribute__((always_inline)) float larger(float a, float b)
{
    return b > a || b != b ? b : a;
}

static void take_maximum(float *Y, const float *X, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        Y[i] = larger(Y[i], X[i]);
}

static void take_sum(float *Y, const float *X, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        Y[i] += X[i];
}

/* The part of one output along the row for single elements: windows of `kernel` elements, `stride` apart. */
static void maxima(float *Y, const float *row, ptrdiff_t n, ptrdiff_t kernel, ptrdiff_t stride)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        float best = row[i * stride];
        for (ptrdiff_t k = 1; k < kernel; ++k)
            best = larger(best, row[i * stride + k]);
        Y[i] = best;
    }
}

static void sums(float *Y, const float *row, ptrdiff_t n, ptrdiff_t kernel, ptrdiff_t stride)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        float sum = row[i * stride];
        for (ptrdiff_t k = 1; k < kernel; ++k)
            sum += row[i * stride + k];
        Y[i] = sum;
    }
}

static float sum_of(const float *X, ptrdiff_t n)
{
    float lanes[16] = {0}, sum = 0;
    ptrdiff_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int k = 0; k < 16; ++k)
            lanes[k] += X[i + k];
    for (; i < n; ++i)
        sum += X[i];
    for (int k = 0; k < 16; ++k)
        sum += lanes[k];
    return sum;
}

static void scale(float *Y, float factor, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        Y[i] *= factor;
}

/* The taps of the window at an output position that lie inside the image: [*first, *last). */
static void inside(const c2_pool *c, int axis, ptrdiff_t at, ptrdiff_t *first, ptrdiff_t *last)
{
    *first = at * c->stride[axis] - c->head[axis];
    *last = *first + c->kernel[axis];
    if (*first < 0)
        *first = 0;
    if (*last > c->inputs[axis])
        *last = c->inputs[axis];
    if (*last < *first)
        *last = *first;
}

/* One row that holds the maximum, or the sum, of the input rows of an output row; NULL where there are none. */
static const float *joined_rows(const c2_pool *c, const float *X, ptrdiff_t od, ptrdiff_t oh, float *row, ptrdiff_t *rows)
{
    ptrdiff_t n = c->inputs[2] * c->block, d0, d1, h0, h1;
    inside(c, 0, od, &d0, &d1);
    inside(c, 1, oh, &h0, &h1);
    *rows = (d1 - d0) * (h1 - h0);
    if (*rows == 0)
        return NULL;
    if (*rows == 1)
        return X + (d0 * c->inputs[1] + h0) * n;
    int started = 0;
    for (ptrdiff_t d = d0; d < d1; ++d)
        for (ptrdiff_t h = h0; h < h1; ++h) {
            const float *x = X + (d * c->inputs[1] + h) * n;
            if (!started)
                memcpy(row, x, (size_t)n * sizeof *row);
            else
                (c->average ? take_sum : take_maximum)(row, x, n);
            started = 1;
        }
    return row;
}

static float divisor(const c2_pool *c, ptrdiff_t taps)
{
    ptrdiff_t area = c->include_pad ? c->kernel[0] * c->kernel[1] * c->kernel[2] : taps;
    return 1.0f / (float)(area > 0 ? area : 1);
}

/* One window along the row, near a border or of a block of channels. */
static void one_window(const c2_pool *c, const float *row, ptrdiff_t rows, ptrdiff_t ow, float *y)
{
    ptrdiff_t first, last, block = c->block;
    inside(c, 2, ow, &first, &last);
    if (!row || first == last) {
        for (ptrdiff_t i = 0; i < block; ++i)
            y[i] = c->average ? 0 : -INFINITY;
        return;
    }
    if (block == 1 && c->average) {
        *y = sum_of(row + first, last - first) * divisor(c, rows * (last - first));
        return;
    }
    memcpy(y, row + first * block, (size_t)block * sizeof *y);
    for (ptrdiff_t k = first + 1; k < last; ++k)
        (c->average ? take_sum : take_maximum)(y, row + k * block, block);
    if (c->average)
        scale(y, divisor(c, rows * (last - first)), block);
}

static void output_row(const c2_pool *c, const float *row, ptrdiff_t rows, float *Y)
{
    ptrdiff_t n = c->outputs[2], low = 0, high = n;
    if (row && c->block == 1) {
        low = (c->head[2] + c->stride[2] - 1) / c->stride[2]; /* outputs [low, high) read inside the image alone */
        ptrdiff_t room = c->inputs[2] + c->head[2] - c->kernel[2];
        high = room < 0 ? 0 : room / c->stride[2] + 1;
        low = low < n ? low : n;
        high = high < n ? high : n;
        if (low < high) {
            const float *start = row + low * c->stride[2] - c->head[2];
            (c->average ? sums : maxima)(Y + low, start, high - low, c->kernel[2], c->stride[2]);
            if (c->average)
                scale(Y + low, divisor(c, rows * c->kernel[2]), high - low);
        } else {
            low = high = n;
        }
    } else {
        low = high = n;
    }
    for (ptrdiff_t ow = 0; ow < low; ++ow)
        one_window(c, row, rows, ow, Y + ow * c->block);
    for (ptrdiff_t ow = high; ow < n; ++ow)
        one_window(c, row, rows, ow, Y + ow * c->block);
}

#if defined(__AVX512F__)
#include <immintrin.h>

/* 16 channels at a time: windows straight from the image. */
static void channel_row(const c2_pool *c, const float *X, ptrdiff_t od, ptrdiff_t oh, float *Y)
{
    ptrdiff_t d0, d1, h0, h1, w0, w1, row = c->inputs[2] * c->block, block = c->block;
    inside(c, 0, od, &d0, &d1);
    inside(c, 1, oh, &h0, &h1);
    for (ptrdiff_t ow = 0; ow < c->outputs[2]; ++ow) {
        inside(c, 2, ow, &w0, &w1);
        __m512 factor = _mm512_set1_ps(divisor(c, (d1 - d0) * (h1 - h0) * (w1 - w0)));
        for (ptrdiff_t b = 0; b < block; b += 16) {
            __m512 best = _mm512_set1_ps(c->average ? 0 : -INFINITY);
            __mmask16 nan = 0; /* the maximum forgets a NaN that comes first, so they are noted apart */
            for (ptrdiff_t d = d0; d < d1; ++d)
                for (ptrdiff_t h = h0; h < h1; ++h) {
                    const float *x = X + (d * c->inputs[1] + h) * row + w0 * block + b;
                    for (ptrdiff_t w = w0; w < w1; ++w, x += block) {
                        __m512 one = _mm512_loadu_ps(x);
                        if (c->average) {
                            best = _mm512_add_ps(best, one);
                        } else {
                            nan |= _mm512_cmp_ps_mask(one, one, _CMP_UNORD_Q);
                            best = _mm512_max_ps(best, one);
                        }
                    }
                }
            best = c->average ? _mm512_mul_ps(best, factor) : _mm512_mask_mov_ps(best, nan, _mm512_set1_ps(NAN));
            _mm512_storeu_ps(Y + ow * block + b, best);
        }
    }
}
#endif

static void pool_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_pool *c = context;
    const ptrdiff_t *in = c->inputs, *out = c->outputs;
    float *row = (float *)buffers[2] + thread * in[2] * c->block;
    ptrdiff_t x_plane = in[0] * in[1] * in[2] * c->block, y_row = out[2] * c->block;
    for (ptrdiff_t k = first; k < last; ++k) { /* k counts output rows */
        ptrdiff_t oh = k % out[1], od = k / out[1] % out[0], plane = k / (out[1] * out[0]), rows;
#if defined(__AVX512F__)
        if (c->block % 16 == 0) {
            channel_row(c, (const float *)buffers[0] + plane * x_plane, od, oh, (float *)buffers[1] + k * y_row);
            continue;
        }
#endif
        const float *joined = joined_rows(c, (const float *)buffers[0] + plane * x_plane, od, oh, row, &rows);
        output_row(c, joined, rows, (float *)buffers[1] + k * y_row);
    }
}

static void whole_planes(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_pool *c = context;
    ptrdiff_t n = c->inputs[0] * c->inputs[1] * c->inputs[2];
    (void)thread;
    for (ptrdiff_t p = first; p < last; ++p)
        ((float *)buffers[1])[p] = sum_of((const float *)buffers[0] + p * n, n) / (float)n;
}

int c2_run_pool(void *context, void *const *buffers)
{
    const c2_pool *c = context;
    int whole = c->average && c->block == 1;
    for (int a = 0; a < 3; ++a)
        whole = whole && c->outputs[a] == 1 && c->head[a] == 0 && c->kernel[a] == c->inputs[a];
    if (whole) {
        ptrdiff_t n = c->inputs[0] * c->inputs[1] * c->inputs[2];
        c2_parallel(whole_planes, c, buffers, c->planes, 1 + 32768 / n, c->threads);
        return 0;
    }
    ptrdiff_t work = c->inputs[2] * c->block * c->kernel[0] * c->kernel[1]; /* elements read for an output row */
    c2_parallel(pool_part, c, buffers, c->planes * c->outputs[0] * c->outputs[1], 1 + 32768 / work, c->threads);
    return 0;
}
