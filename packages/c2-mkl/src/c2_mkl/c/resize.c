/* Images resized and padded: each element is a copy of one, or a mean of two along both axes; and the gradients. An image
 * is planes of positions times `block` channels, as in c2_by_channel.
 */
#include "parallel.h"

#include <string.h>

enum { GRAIN = 16384 };

static const int32_t *table_of(const c2_resize *c, int axis)
{
    const int32_t *at = c->sources;
    for (int a = 0; a < axis; ++a)
        at += c->outputs[a];
    return at;
}

static void picked(const float *X, const int32_t *at, float *Y, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        Y[i] = X[at[i]];
}

static void filled(float *Y, float value, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        Y[i] = value;
}

/* A row of the output from one of the input, between `inside[0]` and `inside[1]`; what is outside gets the value. */
static void gather_row(const c2_resize *c, const float *X, const int32_t *at, float *Y)
{
    ptrdiff_t block = c->block, from = c->inside[0], to = c->inside[1];
    filled(Y, c->value, from * block);
    if (c->shifted)
        memcpy(Y + from * block, X + at[from] * block, (size_t)((to - from) * block) * sizeof *Y);
    else if (block == 1)
        picked(X, at + from, Y + from, to - from);
    else
        for (ptrdiff_t x = from; x < to; ++x)
            memcpy(Y + x * block, X + at[x] * block, (size_t)block * sizeof *Y);
    filled(Y + to * block, c->value, (c->outputs[2] - to) * block);
}

static void gather_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_resize *c = context;
    const int32_t *zs = table_of(c, 0), *ys = table_of(c, 1), *xs = table_of(c, 2);
    ptrdiff_t in_row = c->inputs[2] * c->block, row = c->outputs[2] * c->block, rows = c->outputs[0] * c->outputs[1];
    ptrdiff_t before = -1;
    (void)thread;
    for (ptrdiff_t r = first; r < last; ++r) {
        ptrdiff_t plane = r / rows, z = zs[r % rows / c->outputs[1]], y = ys[r % c->outputs[1]];
        float *Y = (float *)buffers[1] + r * row;
        ptrdiff_t source = z < 0 || y < 0 ? -1 : (plane * c->inputs[0] + z) * c->inputs[1] + y;
        if (source < 0)
            filled(Y, c->value, row);
        else if (source == before)
            memcpy(Y, Y - row, (size_t)row * sizeof *Y);
        else
            gather_row(c, (const float *)buffers[0] + source * in_row, xs, Y);
        before = source;
    }
}

int c2_run_gather_image(void *context, void *const *buffers)
{
    const c2_resize *c = context;
    ptrdiff_t rows = c->planes * c->outputs[0] * c->outputs[1];
    c2_parallel(gather_part, c, buffers, rows, 1 + GRAIN / (c->outputs[2] * c->block), c->threads);
    return 0;
}

static void add(const float *A, float *B, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        B[i] += A[i];
}

static void scatter_row(const c2_resize *c, const float *dY, const int32_t *at, float *dX)
{
    ptrdiff_t block = c->block, from = c->inside[0], to = c->inside[1];
    if (c->shifted)
        add(dY + from * block, dX + at[from] * block, (to - from) * block);
    else if (block == 1)
        for (ptrdiff_t x = from; x < to; ++x)
            dX[at[x]] += dY[x];
    else
        for (ptrdiff_t x = from; x < to; ++x)
            add(dY + x * block, dX + at[x] * block, block);
}

/* Rows that were copied from one row are added up first, in scratch memory of a row per thread. */
static void scatter_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_resize *c = context;
    const int32_t *zs = table_of(c, 0), *ys = table_of(c, 1), *xs = table_of(c, 2);
    ptrdiff_t in_row = c->inputs[2] * c->block, row = c->outputs[2] * c->block, size = c->inputs[0] * c->inputs[1] * in_row;
    float *sums = (float *)buffers[2] + thread * row;
    for (ptrdiff_t plane = first; plane < last; ++plane) {
        const float *dY = (const float *)buffers[0] + plane * c->outputs[0] * c->outputs[1] * row;
        float *dX = (float *)buffers[1] + plane * size;
        memset(dX, 0, (size_t)size * sizeof *dX);
        for (ptrdiff_t z = 0; z < c->outputs[0]; ++z)
            for (ptrdiff_t y = 0, next; y < c->outputs[1]; y = next) {
                const float *own = dY + (z * c->outputs[1] + y) * row;
                for (next = y + 1; next < c->outputs[1] && ys[next] == ys[y]; ++next) {
                    if (next == y + 1)
                        memcpy(sums, own, (size_t)row * sizeof *sums);
                    add(dY + (z * c->outputs[1] + next) * row, sums, row);
                }
                if (zs[z] >= 0 && ys[y] >= 0)
                    scatter_row(c, next > y + 1 ? sums : own, xs, dX + (zs[z] * c->inputs[1] + ys[y]) * in_row);
            }
    }
}

int c2_run_scatter_image(void *context, void *const *buffers)
{
    const c2_resize *c = context;
    ptrdiff_t each = c->outputs[0] * c->outputs[1] * c->outputs[2] * c->block;
    c2_parallel(scatter_part, c, buffers, c->planes, 1 + GRAIN / each, c->threads);
    return 0;
}

/* -- two axes, by weights: output o is first[o] * (1 - weight[o]) + second[o] * weight[o] */

static void mean_of_rows(const float *A, const float *B, float a, float b, float *Y, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        Y[i] = A[i] * a + B[i] * b;
}

static void mean_of_neighbours(
    const float *X, const int32_t *first, const int32_t *second, const float *weights, float *Y, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        Y[i] = X[first[i]] * (1.0f - weights[i]) + X[second[i]] * weights[i];
}

static void bilinear_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_bilinear *c = context;
    ptrdiff_t block = c->block, W = c->outputs[1], H = c->outputs[0], in_row = c->inputs[1] * block;
    float *mean = (float *)buffers[2] + thread * in_row;
    for (ptrdiff_t r = first; r < last; ++r) {
        ptrdiff_t y = r % H;
        const float *X = (const float *)buffers[0] + r / H * c->inputs[0] * in_row;
        float *Y = (float *)buffers[1] + r * W * block, b = c->weights[y];
        mean_of_rows(X + c->firsts[y] * in_row, X + c->seconds[y] * in_row, 1.0f - b, b, mean, in_row);
        if (block == 1)
            mean_of_neighbours(mean, c->firsts + H, c->seconds + H, c->weights + H, Y, W);
        else
            for (ptrdiff_t x = 0; x < W; ++x) {
                float w = c->weights[H + x];
                mean_of_rows(
                    mean + c->firsts[H + x] * block, mean + c->seconds[H + x] * block, 1.0f - w, w, Y + x * block, block);
            }
    }
}

int c2_run_bilinear(void *context, void *const *buffers)
{
    const c2_bilinear *c = context;
    c2_parallel(
        bilinear_part, c, buffers, c->planes * c->outputs[0], 1 + GRAIN / (c->outputs[1] * c->block), c->threads);
    return 0;
}

static void add_scaled(const float *A, float a, float *B, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        B[i] += A[i] * a;
}

static void bilinear_gradient_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_bilinear *c = context;
    ptrdiff_t block = c->block, W = c->outputs[1], H = c->outputs[0], in_row = c->inputs[1] * block;
    const int32_t *firsts = c->firsts + H, *seconds = c->seconds + H;
    float *row = (float *)buffers[2] + thread * in_row;
    for (ptrdiff_t plane = first; plane < last; ++plane) {
        float *dX = (float *)buffers[1] + plane * c->inputs[0] * in_row;
        memset(dX, 0, (size_t)(c->inputs[0] * in_row) * sizeof *dX);
        for (ptrdiff_t y = 0; y < H; ++y) {
            const float *dY = (const float *)buffers[0] + (plane * H + y) * W * block;
            memset(row, 0, (size_t)in_row * sizeof *row);
            for (ptrdiff_t x = 0; x < W; ++x) {
                float w = c->weights[H + x];
                if (block == 1) {
                    row[firsts[x]] += dY[x] * (1.0f - w);
                    row[seconds[x]] += dY[x] * w;
                } else {
                    add_scaled(dY + x * block, 1.0f - w, row + firsts[x] * block, block);
                    add_scaled(dY + x * block, w, row + seconds[x] * block, block);
                }
            }
            add_scaled(row, 1.0f - c->weights[y], dX + c->firsts[y] * in_row, in_row);
            add_scaled(row, c->weights[y], dX + c->seconds[y] * in_row, in_row);
        }
    }
}

int c2_run_bilinear_gradient(void *context, void *const *buffers)
{
    const c2_bilinear *c = context;
    ptrdiff_t each = c->outputs[0] * c->outputs[1] * c->block;
    c2_parallel(bilinear_gradient_part, c, buffers, c->planes, 1 + GRAIN / each, c->threads);
    return 0;
}
