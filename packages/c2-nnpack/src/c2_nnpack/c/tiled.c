/* Convolution by transformed tiles: which tiles go together, by which thread, with which vectors. */
#include "tiled_share.h"

typedef struct {
    void (*input)(const c2_tiled *c, const float *X, float *v, const c2_share *part);
    void (*product)(const c2_tiled *c, const float *v, float *to, const c2_share *part);
    void (*output)(const c2_tiled *c, const float *v, const float *bias, const float *summand, float *Y,
                   const c2_share *part);
} c2_stages;

/* Of Fourier's transform of real numbers: 4 real points, and 3 for each pair of conjugate ones. */
ptrdiff_t c2_tiled_points(const c2_tiled *c) { return c->tile * c->tile + (c->fourier ? c->tile * c->tile / 2 - 2 : 0); }

#define BODY "tiled_stages.h"
#include "every_width.h"

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
