/* Gradients of a convolution by Winograd's method. That of the filters is the transposed form of the convolution: with
 * Y = A'[(G W G') * (B' X B)]A per tile, dW = G'[sum over tiles of (A dY A') * (B' X B)]G. Threads share points, each of
 * which is summed in the same order whoever does it, so that the same bits come out for any number of threads. */
#include "tiled_share.h"

#include "calls/winograd_changing.h"

#include "calls/winograd_gradient.h"

typedef struct {
    void (*tile)(const c2_tiled *c, const float *X, const float *dY, float *v, const c2_share *part, ptrdiff_t block,
                 ptrdiff_t first, ptrdiff_t last);
    void (*sum)(const float *d, const float *v, ptrdiff_t blocks, float *sums, const c2_share *part);
    void (*filter)(const c2_tiled *c, const float *sums, ptrdiff_t point, ptrdiff_t inputs, float *dW);
} c2_gradient_stages;

#define BODY "winograd_gradient_stages.h"
#include "every_width.h"

enum {
    RUN = 8,         /* tiles of a block that a thread transforms at a time */
    POINTS = 64,     /* the most */
    SUMS = 256 + 16, /* floats from point to point of one pair of blocks, a line more than needed */
};

/* Whether all tiles are transformed at once; then no sums but those of 16 outputs and 16 inputs need to be kept. */
static int at_once(const c2_tiled *c) { return tiles_of(c) <= c->tiles; }

/* Floats from one point of the sums to the next. */
static ptrdiff_t sums_size(const c2_tiled *c) { return point_size(c->K_blocks, c->C_blocks * 16); }

ptrdiff_t c2_winograd_gradient_scratch(const c2_winograd_gradient *g)
{
    const c2_tiled *c = &g->forward;
    ptrdiff_t per_point = (at_once(c) ? 0 : sums_size(c)) + point_size(c->C_blocks, c->tiles) + point_size(c->K_blocks, c->tiles);
    ptrdiff_t filters = (c2_tiled_points(c) * per_point + c->K_blocks * 16) * (ptrdiff_t)sizeof(float);
    ptrdiff_t images = g->dX < 0 ? 0 : c2_winograd_changing_scratch(&g->images);
    return filters > images ? filters : images;
}

/* Where D at the points 1, 1 is added up: there it is the sum of a tile of dY. */
static void add_bias(const float *d, ptrdiff_t tiles, float *bias)
{
    for (ptrdiff_t t = 0; t < tiles; ++t)
        for (int k = 0; k < 16; ++k)
            bias[k] += d[t * 16 + k];
}

/* Threads share runs of tiles. */
static void transform_tiles(const c2_winograd_gradient *g, const c2_share *part, void *const *buffers, float *v, float *d)
{
    const c2_tiled *c = &g->forward;
    const c2_gradient_stages *stages = &OF_WIDTH(c->lanes, gradient_stages);
    const ptrdiff_t runs = over(part->tiles, RUN);
#pragma omp parallel for schedule(static) num_threads(c->threads) if (c->threads > 1)
    for (ptrdiff_t item = 0; item < (c->C_blocks + c->K_blocks) * runs; ++item) {
        ptrdiff_t block = item / runs, first = item % runs * RUN;
        ptrdiff_t last = part->tiles < first + RUN ? part->tiles : first + RUN;
        if (block < c->C_blocks)
            stages->tile(c, buffers[g->X], NULL, v, part, block, first, last);
        else
            stages->tile(c, NULL, buffers[g->dY], d, part, block - c->C_blocks, first, last);
    }
}

/* Threads share points and blocks of outputs. */
static void add_products(const c2_tiled *c, const c2_share *part, const float *v, const float *d, float *sums, float *bias)
{
    const c2_gradient_stages *stages = &OF_WIDTH(c->lanes, gradient_stages);
#pragma omp parallel for schedule(static) num_threads(c->threads) if (c->threads > 1)
    for (ptrdiff_t item = 0; item < c2_tiled_points(c) * c->K_blocks; ++item) {
        ptrdiff_t point = item / c->K_blocks, block = item % c->K_blocks;
        const float *own = d + point * part->m_point + block * part->tiles * 16;
        stages->sum(own, v + point * part->v_point, c->C_blocks, sums + point * sums_size(c) + block * c->C_blocks * 256,
                    part);
        if (point == c->tile + 1)
            add_bias(own, part->tiles, bias + block * 16);
    }
}

/* Threads share filters. */
static void give_filters(const c2_winograd_gradient *g, const float *sums, float *dW)
{
    const c2_tiled *c = &g->forward;
    const c2_gradient_stages *stages = &OF_WIDTH(c->lanes, gradient_stages);
#pragma omp parallel for schedule(static) num_threads(c->threads) if (c->threads > 1)
    for (ptrdiff_t item = 0; item < c->K * c->C_blocks; ++item) {
        ptrdiff_t k = item / c->C_blocks, block = item % c->C_blocks, first = block * 16;
        stages->filter(c, sums + ((k / 16 * c->C_blocks + block) * 16 + k % 16) * 16, sums_size(c),
                       g->C - first < 16 ? g->C - first : 16, dW + (k * g->C + first) * 9);
    }
}

/* From tiles that are all there: threads share pairs of blocks. */
static void give_at_once(const c2_winograd_gradient *g, const c2_share *part, const float *v, const float *d, float *bias,
                         float *dW)
{
    const c2_tiled *c = &g->forward;
    const c2_gradient_stages *stages = &OF_WIDTH(c->lanes, gradient_stages);
    const ptrdiff_t line = part->tiles * 16;
#pragma omp parallel for schedule(static) num_threads(c->threads) if (c->threads > 1)
    for (ptrdiff_t item = 0; item < c->K_blocks * c->C_blocks; ++item) {
        ptrdiff_t outputs = item / c->C_blocks, inputs = item % c->C_blocks, left = g->C - inputs * 16;
        const float *own = d + outputs * line;
        float sums[POINTS * SUMS];
        for (ptrdiff_t point = 0; point < c2_tiled_points(c); ++point)
            stages->sum(own + point * part->m_point, v + point * part->v_point + inputs * line, 1, sums + point * SUMS, part);
        for (ptrdiff_t k = outputs * 16; k < c->K && k < outputs * 16 + 16; ++k)
            stages->filter(c, sums + k % 16 * 16, SUMS, left < 16 ? left : 16, dW + (k * g->C + inputs * 16) * 9);
        if (inputs == 0)
            add_bias(own + (c->tile + 1) * part->m_point, part->tiles, bias + outputs * 16);
    }
}

static void filter_gradient(const c2_winograd_gradient *g, void *const *buffers)
{
    const c2_tiled *c = &g->forward;
    const ptrdiff_t points = c2_tiled_points(c), tiles = tiles_of(c);
    float *bias = buffers[g->scratch], *sums = bias + c->K_blocks * 16;
    float *v = sums + (at_once(c) ? 0 : points * sums_size(c));
    float *d = v + points * point_size(c->C_blocks, c->tiles);
    memset(bias, 0, (size_t)c->K_blocks * 16 * sizeof *bias);
    for (ptrdiff_t start = 0; start < tiles; start += c->tiles) {
        c2_share part = {.start = start, .tiles = tiles - start < c->tiles ? tiles - start : c->tiles};
        part.v_point = point_size(c->C_blocks, part.tiles);
        part.m_point = point_size(c->K_blocks, part.tiles);
        transform_tiles(g, &part, buffers, v, d);
        if (at_once(c))
            give_at_once(g, &part, v, d, bias, buffers[g->dW]);
        else
            add_products(c, &part, v, d, sums, bias);
    }
    if (!at_once(c))
        give_filters(g, sums, buffers[g->dW]);
    if (g->db >= 0)
        memcpy(buffers[g->db], bias, (size_t)c->K * sizeof *bias);
}

int c2_run_winograd_gradient(void *context, void *const *buffers)
{
    c2_winograd_gradient *g = context;
    filter_gradient(g, buffers);
    if (g->dX < 0)
        return 0;
    void *const own[] = {buffers[g->dY], buffers[g->W], buffers[g->dX], buffers[g->scratch]};
    return c2_run_winograd_changing(&g->images, own);
}
