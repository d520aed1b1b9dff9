/* Convolution by transformed tiles: which tiles go together, by which thread, with which vectors. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "calls/tiled.h"

enum { LARGEST = 16 }; /* height and width of a tile */

/* `tiles` tiles from `start`, for the blocks of outputs [first, last); floats from one point of V and M to the next. */
typedef struct { ptrdiff_t start, tiles, first, last, v_point, m_point; } c2_share;

/* Where a tile of Y goes: as much of it as is inside of the image; `row` floats from one row to the next. */
typedef struct {
    float *y;
    const float *summand, *bias;
    ptrdiff_t row, rows, columns;
    float low, high;
} c2_target;

typedef struct {
    void (*input)(const c2_tiled *c, const float *X, float *v, const c2_share *part);
    void (*product)(const c2_tiled *c, const float *v, float *to, const c2_share *part);
    void (*output)(const c2_tiled *c, const float *v, const float *bias, const float *summand, float *Y,
                   const c2_share *part);
} c2_stages;

static ptrdiff_t over(ptrdiff_t n, ptrdiff_t d) { return (n + d - 1) / d; }
static ptrdiff_t tiles_of(const c2_tiled *c) { return c->N * over(c->out_H, c->rows) * over(c->out_W, c->columns); }

/* Of Fourier's transform of real numbers: 4 real points, and 3 for each pair of conjugate ones. */
ptrdiff_t c2_tiled_points(const c2_tiled *c) { return c->tile * c->tile + (c->fourier ? c->tile * c->tile / 2 - 2 : 0); }

/* The image of a tile, and the first row and column that it gives. */
static void place_of(const c2_tiled *c, ptrdiff_t tile, ptrdiff_t *n, ptrdiff_t *y, ptrdiff_t *x)
{
    ptrdiff_t across = over(c->out_W, c->columns), down = over(c->out_H, c->rows);
    *x = tile % across * c->columns;
    *y = tile / across % down * c->rows;
    *n = tile / (across * down);
}

/* t x t positions of a plane from (y, x), zeros outside of the image. */
static void cut_out(const c2_tiled *c, const float *plane, ptrdiff_t y, ptrdiff_t x, int t, float *patch)
{
    ptrdiff_t first = x < 0 ? -x : 0, last = c->W - x < t ? c->W - x : t;
    memset(patch, 0, (size_t)(t * t * 16) * sizeof *patch);
    for (int i = 0; i < t; ++i)
        if (y + i >= 0 && y + i < c->H && first < last)
            memcpy(patch + (i * t + first) * 16, plane + ((y + i) * c->W + x + first) * 16,
                   (size_t)(last - first) * 16 * sizeof *patch);
}

#define BODY "tiled_stages.h"
#include "every_width.h"

/* A line more than needed: rows of a point must not all fall into the same few sets of the cache. */
static ptrdiff_t point_size(ptrdiff_t blocks, ptrdiff_t tiles) { return (blocks * tiles + 1) * 16; }

static ptrdiff_t workspace(const c2_tiled *c)
{
    return c2_tiled_points(c) * (point_size(c->C_blocks, c->tiles) + point_size(c->K_blocks, c->tiles));
}

/* Threads share the groups of tiles, or where these are few, the outputs; each then transforms all of X by itself, which
 * costs less than to wait for one another. */
static int by_tiles(const c2_tiled *c)
{
    ptrdiff_t groups = over(tiles_of(c), c->tiles);
    return groups % c->threads == 0 || groups >= 4 * c->threads;
}

ptrdiff_t c2_tiled_scratch(const c2_tiled *c)
{
    ptrdiff_t floats = c->threads * workspace(c) + c->K_blocks * 16;
    return floats * (ptrdiff_t)sizeof(float);
}

static void run_group(const c2_tiled *c, void *const *buffers, const float *bias, float *v, c2_share part)
{
    const c2_stages *stages = &OF_WIDTH(c->lanes, stages);
    ptrdiff_t left = tiles_of(c) - part.start;
    part.tiles = left < c->tiles ? left : c->tiles;
    part.v_point = point_size(c->C_blocks, part.tiles);
    part.m_point = point_size(c->K_blocks, part.tiles);
    float *products = v + c2_tiled_points(c) * part.v_point;
    stages->input(c, buffers[0], v, &part);
    stages->product(c, v, products, &part);
    stages->output(c, products, bias, c->summand < 0 ? NULL : buffers[c->summand], buffers[c->output], &part);
}

int c2_run_tiled(void *context, void *const *buffers)
{
    const c2_tiled *c = context;
    float *bias = buffers[c->scratch], *work = bias + c->K_blocks * 16;
    const ptrdiff_t groups = over(tiles_of(c), c->tiles), pairs = over(c->K_blocks, 2), parts = c->threads;
    const int apart = by_tiles(c);
    memset(bias, 0, (size_t)c->K_blocks * 16 * sizeof *bias);
    if (c->bias >= 0)
        memcpy(bias, buffers[c->bias], (size_t)c->K * sizeof *bias);
#pragma omp parallel for schedule(static, 1) num_threads(c->threads) if (c->threads > 1)
    for (ptrdiff_t part = 0; part < parts; ++part) {
        ptrdiff_t first = apart ? groups * part / parts : 0, last = apart ? groups * (part + 1) / parts : groups;
        c2_share mine = {0, 0, 0, c->K_blocks, 0, 0};
        if (!apart) {
            mine.first = pairs * part / parts * 2;
            mine.last = pairs * (part + 1) / parts * 2;
        }
        if (mine.last > c->K_blocks)
            mine.last = c->K_blocks;
        for (ptrdiff_t g = first; g < last && mine.first < mine.last; ++g) {
            mine.start = g * c->tiles;
            run_group(c, buffers, bias, work + part * workspace(c), mine);
        }
    }
    return 0;
}
