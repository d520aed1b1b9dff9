/* Filters transformed in double precision, and put into the order in which products read them. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "calls/tiled.h"

enum { TILE = 16, POINTS = 382, PANEL = 32 }; /* the largest */

/* Of the values of a filter at the points of winograd_tile.h, by height and width of the tile: what makes the way back one
 * with whole numbers. */
static const double SCALES[3][7] = {
    {1, 1. / 2, 1. / 2}, {1. / 4, -1. / 6, -1. / 6, 1. / 24, 1. / 24},
    {1, -2. / 9, -2. / 9, 1. / 90, 1. / 90, 1. / 45, 1. / 45},
};
static const double AT[7] = {0, 1, -1, 2, -2, .5, -.5};

/* What a filter's taps are multiplied with for point i of t. */
static void winograd_row(int t, int taps, int i, double *row)
{
    const int infinity = i == t - 1;
    double power = infinity ? 0 : SCALES[t / 2 - 2][i];
    for (int j = 0; j < taps; ++j) {
        row[j] = infinity ? j == taps - 1 : power;
        power *= infinity ? 0 : AT[i];
    }
}

static void winograd(const c2_tiled *c, const float *filter, float *points, ptrdiff_t stride)
{
    const int t = c->tile, taps = t - c->rows + 1;
    double columns[8][8], row[8];
    for (int i = 0; i < t; ++i) {
        winograd_row(t, taps, i, row);
        for (int j = 0; j < taps; ++j) {
            columns[i][j] = 0;
            for (int k = 0; k < taps; ++k)
                columns[i][j] += row[k] * filter[k * taps + j];
        }
    }
    for (int j = 0; j < t; ++j) {
        winograd_row(t, taps, j, row);
        for (int i = 0; i < t; ++i) {
            double sum = 0;
            for (int k = 0; k < taps; ++k)
                sum += columns[i][k] * row[k];
            points[(i * t + j) * stride] = (float)sum;
        }
    }
}

/* Where the point of frequency (i, j) stands, j up to t / 2: see fourier_tile.h. A real one stands alone, a complex one with
 * the two after it; negative where its conjugate stands for it. */
static int place_of(int t, int i, int j, int *real)
{
    *real = i % (t / 2) == 0 && j % (t / 2) == 0;
    if (j % (t / 2))
        return 3 * t - 2 + ((j - 1) * t + i) * 3;
    const int column = j ? 3 * t / 2 - 1 : 0;
    return i > t / 2 ? -1 : column + (i == 0 ? 0 : i == t / 2 ? 1 : 3 * i - 1);
}

/* The conjugate of the filter's transform, since a convolution of nets is a correlation, divided by the size of the tile. */
static void fourier(const c2_tiled *c, const float *filter, float *points, ptrdiff_t stride)
{
    const int t = c->tile, height = t - c->rows + 1, width = t - c->columns + 1;
    double cosine[TILE], sine[TILE], re[TILE][TILE / 2 + 1], im[TILE][TILE / 2 + 1];
    for (int k = 0; k < t; ++k) {
        cosine[k] = cos(2 * acos(-1.0) * k / t);
        sine[k] = sin(2 * acos(-1.0) * k / t);
    }
    for (int y = 0; y < height; ++y)
        for (int j = 0; j <= t / 2; ++j) {
            re[y][j] = im[y][j] = 0;
            for (int x = 0; x < width; ++x) {
                re[y][j] += cosine[j * x % t] * filter[y * width + x];
                im[y][j] += sine[j * x % t] * filter[y * width + x];
            }
        }
    for (int i = 0; i < t; ++i)
        for (int j = 0; j <= t / 2; ++j) {
            double a = 0, b = 0;
            int real, at = place_of(t, i, j, &real);
            if (at < 0)
                continue;
            for (int y = 0; y < height; ++y) {
                const double cosine_y = cosine[i * y % t], sine_y = sine[i * y % t];
                a += (re[y][j] * cosine_y - im[y][j] * sine_y) / (t * t);
                b += (re[y][j] * sine_y + im[y][j] * cosine_y) / (t * t);
            }
            points[at * stride] = (float)a;
            if (!real) {
                points[(at + 1) * stride] = (float)(a + b);
                points[(at + 2) * stride] = (float)(b - a);
            }
        }
}

void c2_pack_tiled(const c2_tiled *c, const float *W, ptrdiff_t C, float *packed)
{
    const ptrdiff_t inputs = c->C_blocks * 16, outputs = c->K_blocks * 16, panel = 2 * c->lanes;
    const ptrdiff_t taps = (c->tile - c->rows + 1) * (c->tile - c->columns + 1), count = c2_tiled_points(c);
    memset(packed, 0, (size_t)(count * inputs * outputs) * sizeof *packed);
#pragma omp parallel for num_threads(c->threads) if (c->threads > 1)
    for (ptrdiff_t first = 0; first < outputs; first += panel) {
        ptrdiff_t width = outputs - first < panel ? outputs - first : panel;
        float points[POINTS * PANEL] = {0};
        for (ptrdiff_t i = 0; i < C; ++i) {
            for (ptrdiff_t k = 0; k < width && first + k < c->K; ++k)
                (c->fourier ? fourier : winograd)(c, W + ((first + k) * C + i) * taps, points + k, width);
            for (int point = 0; point < count; ++point)
                memcpy(packed + (point * outputs + first) * inputs + i * width, points + point * width,
                       (size_t)width * sizeof *packed);
        }
    }
}
