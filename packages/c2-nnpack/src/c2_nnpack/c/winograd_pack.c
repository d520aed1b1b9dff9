/* Filters transformed for Winograd's method, in double precision, and put into the order in which products read them. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "calls/winograd.h"

/* Values of a filter of three taps at the points of tile.h, scaled so that the way back has whole numbers. */
static const double G2[4][3] = {{1, 0, 0}, {.5, .5, .5}, {.5, -.5, .5}, {0, 0, 1}};
static const double G4[6][3] = {
    {1. / 4, 0, 0}, {-1. / 6, -1. / 6, -1. / 6}, {-1. / 6, 1. / 6, -1. / 6},
    {1. / 24, 1. / 12, 1. / 6}, {1. / 24, -1. / 12, 1. / 6}, {0, 0, 1},
};
static const double G6[8][3] = {
    {1, 0, 0}, {-2. / 9, -2. / 9, -2. / 9}, {-2. / 9, 2. / 9, -2. / 9}, {1. / 90, 1. / 45, 2. / 45},
    {1. / 90, -1. / 45, 2. / 45}, {1. / 45, 1. / 90, 1. / 180}, {1. / 45, -1. / 90, 1. / 180}, {0, 0, 1},
};

static void transform(const double (*G)[3], int t, const float *filter, float *points, ptrdiff_t stride)
{
    double columns[8][3];
    for (int i = 0; i < t; ++i)
        for (int j = 0; j < 3; ++j)
            columns[i][j] = G[i][0] * filter[j] + G[i][1] * filter[3 + j] + G[i][2] * filter[6 + j];
    for (int i = 0; i < t; ++i)
        for (int j = 0; j < t; ++j)
            points[(i * t + j) * stride] =
                (float)(columns[i][0] * G[j][0] + columns[i][1] * G[j][1] + columns[i][2] * G[j][2]);
}

void c2_pack_winograd(const c2_winograd *c, const float *W, ptrdiff_t C, float *packed)
{
    const double(*G)[3] = c->m == 2 ? G2 : c->m == 4 ? G4 : G6;
    const ptrdiff_t inputs = c->C_blocks * 16, outputs = c->K_blocks * 16, panel = 2 * c->lanes;
    const int t = c->m + 2;
    memset(packed, 0, (size_t)c2_winograd_weights(c) * sizeof *packed);
#pragma omp parallel for num_threads(c->threads) if (c->threads > 1)
    for (ptrdiff_t first = 0; first < outputs; first += panel) {
        ptrdiff_t width = outputs - first < panel ? outputs - first : panel;
        float points[64 * 32];
        for (ptrdiff_t i = 0; i < C; ++i) {
            memset(points, 0, sizeof points);
            for (ptrdiff_t k = 0; k < width && first + k < c->K; ++k)
                transform(G, t, W + ((first + k) * C + i) * 9, points + k, width);
            for (int point = 0; point < t * t; ++point)
                memcpy(packed + (point * outputs + first) * inputs + i * width, points + point * width,
                       (size_t)width * sizeof *packed);
        }
    }
}
