/* Gradients of pools, plane by plane: every output gives to the inputs of its window. */
#include "sixteen.h"
#include "parallel.h"

#include <string.h>

/* Along a row: input i * stride + k gets what output i gives, where it equals the maximum. */
static void give_maximum(
    const float *x, const float *y, const float *dy, float *dx, ptrdiff_t n, ptrdiff_t stride)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        dx[i * stride] += x[i * stride] == y[i] ? dy[i] : 0;
}

/* The same for windows of two that do not overlap. */
static void give_maximum_of_two(const float *x, const float *y, const float *dy, float *dx, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        float a = x[2 * i] == y[i] ? dy[i] : 0, b = x[2 * i + 1] == y[i] ? dy[i] : 0;
        dx[2 * i] += a;
        dx[2 * i + 1] += b;
    }
}

static void give(const float *dy, float factor, float *dx, ptrdiff_t n, ptrdiff_t stride)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        dx[i * stride] += dy[i] * factor;
}

/* A row of outputs, in blocks of 16 channels, gives to a row of inputs; with `alone` no window overlaps another. */
static void give_maximum_blocks(
    const c2_pool *c, const float *x, const float *y, const float *dy, float *dx, int alone)
{
    for (ptrdiff_t o = 0; o < c->outputs[2]; ++o, y += 16, dy += 16) {
        ptrdiff_t first = o * c->stride[2] - c->head[2], last = first + c->kernel[2];
        first = first < 0 ? 0 : first;
        last = last > c->inputs[2] ? c->inputs[2] : last;
        lanes most = lanes_at(y), given = lanes_at(dy);
        for (ptrdiff_t t = first * 16; t < last * 16; t += 16) {
            lanes share = lanes_where(lanes_at(x + t) == most, given);
            put_lanes(dx + t, alone ? share : lanes_at(dx + t) + share);
        }
    }
}

/* The taps of the window at an output position that lie inside the image: [*first, *last). */
static void inside(const c2_pool *c, int axis, ptrdiff_t at, ptrdiff_t *first, ptrdiff_t *last)
{
    ptrdiff_t begin = at * c->stride[axis] - c->head[axis], end = begin + c->kernel[axis];
    *first = begin < 0 ? 0 : begin;
    *last = end > c->inputs[axis] ? c->inputs[axis] : end;
    if (*last < *first)
        *last = *first;
}

/* Outputs [*low, *high) of which tap k along the row lies inside. */
static void reaches(const c2_pool *c, ptrdiff_t k, ptrdiff_t *low, ptrdiff_t *high)
{
    ptrdiff_t off = c->head[2] - k, room = c->inputs[2] - 1 + off;
    *low = off > 0 ? (off + c->stride[2] - 1) / c->stride[2] : 0;
    *high = room < 0 ? 0 : room / c->stride[2] + 1;
    if (*high > c->outputs[2])
        *high = c->outputs[2];
}

/* Whether no input is in two windows. */
static int apart(const c2_pool *c)
{
    return c->stride[0] >= c->kernel[0] && c->stride[1] >= c->kernel[1] && c->stride[2] >= c->kernel[2];
}

/* Whether every input is in one window, and no window is cut off. */
static int tiled(const c2_pool *c)
{
    int is = 1;
    for (int a = 0; a < 3; ++a)
        is = is && c->stride[a] == c->kernel[a] && c->head[a] == 0 && c->outputs[a] * c->stride[a] == c->inputs[a];
    return is;
}

/* A row of outputs gives to one row of inputs, single elements. */
static void maximum_row(const c2_pool *c, const float *x, const float *y, const float *dy, float *dx)
{
    if (c->kernel[2] == 2 && c->stride[2] == 2 && c->head[2] == 0 && 2 * c->outputs[2] <= c->inputs[2]) {
        give_maximum_of_two(x, y, dy, dx, c->outputs[2]);
        return;
    }
    for (ptrdiff_t k = 0; k < c->kernel[2]; ++k) {
        ptrdiff_t low, high;
        reaches(c, k, &low, &high);
        if (low < high) {
            ptrdiff_t at = low * c->stride[2] - c->head[2] + k;
            give_maximum(x + at, y + low, dy + low, dx + at, high - low, c->stride[2]);
        }
    }
}

static void maximum_row_of_blocks(const c2_pool *c, const float *x, const float *y, const float *dy, float *dx)
{
    ptrdiff_t block = c->block, first, last;
    if (block == 16) {
        give_maximum_blocks(c, x, y, dy, dx, apart(c));
        return;
    }
    for (ptrdiff_t o = 0; o < c->outputs[2]; ++o, y += block, dy += block) {
        inside(c, 2, o, &first, &last);
        for (ptrdiff_t t = first; t < last; ++t)
            give_maximum(x + t * block, y, dy, dx + t * block, block, 1);
    }
}

static void average_row(const c2_pool *c, ptrdiff_t rows, const float *dy, float *dx)
{
    ptrdiff_t area = c->kernel[0] * c->kernel[1] * c->kernel[2], first, last;
    for (ptrdiff_t o = 0; o < c->outputs[2]; ++o) {
        inside(c, 2, o, &first, &last);
        ptrdiff_t taps = c->include_pad ? area : rows * (last - first);
        float factor = 1.0f / (float)(taps > 0 ? taps : 1);
        for (ptrdiff_t t = first; t < last; ++t)
            give(dy + o * c->block, factor, dx + t * c->block, c->block, 1);
    }
}

/* Buffers: X, Y, dY, dX. */
static void gradient_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_pool *c = context;
    ptrdiff_t x_row = c->inputs[2] * c->block, y_row = c->outputs[2] * c->block;
    ptrdiff_t x_plane = c->inputs[0] * c->inputs[1] * x_row, y_plane = c->outputs[0] * c->outputs[1] * y_row;
    (void)thread;
    for (ptrdiff_t p = first; p < last; ++p) {
        float *dX = (float *)buffers[3] + p * x_plane;
        if (!(tiled(c) && c->block == 16 && !c->average)) /* else each is written once */
            memset(dX, 0, (size_t)x_plane * sizeof *dX);
        for (ptrdiff_t o = 0; o < c->outputs[0] * c->outputs[1]; ++o) {
            ptrdiff_t d0, d1, h0, h1, at = p * y_plane + o * y_row;
            const float *Y = (const float *)buffers[1] + at, *dY = (const float *)buffers[2] + at;
            inside(c, 0, o / c->outputs[1], &d0, &d1);
            inside(c, 1, o % c->outputs[1], &h0, &h1);
            for (ptrdiff_t d = d0; d < d1; ++d)
                for (ptrdiff_t h = h0; h < h1; ++h) {
                    ptrdiff_t row = (d * c->inputs[1] + h) * x_row;
                    const float *X = (const float *)buffers[0] + p * x_plane + row;
                    if (c->average)
                        average_row(c, (d1 - d0) * (h1 - h0), dY, dX + row);
                    else
                        (c->block == 1 ? maximum_row : maximum_row_of_blocks)(c, X, Y, dY, dX + row);
                }
        }
    }
}

int c2_run_pool_gradient(void *context, void *const *buffers)
{
    const c2_pool *c = context;
    ptrdiff_t work = c->inputs[0] * c->inputs[1] * c->inputs[2] * c->block;
    c2_parallel(gradient_part, c, buffers, c->planes, 1 + 16384 / work, c->threads);
    return 0;
}
