/* Gradients of a convolution by Winograd's method. That of the filters is the transposed form of the convolution: with
 * Y = A'[(G W G') * (B' X B)]A per tile, dW = G'[sum over tiles of (A dY A') * (B' X B)]G. Threads share the
 * filters, each of which is summed in the same order whoever does it, so that the same bits come out for any number of
 * threads. None waits for another: each transforms what its filters need, tiles of dY or X several times in all. */
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
    POINTS = 64,     /* the most */
    SUMS = 256 + 16, /* floats from point to point of one pair of blocks, a line more than needed */
};

/* Whether all tiles are transformed at once; then no sums but those of 16 outputs and 16 inputs need to be kept. */
static int at_once(const c2_tiled *c) { return tiles_of(c) <= c->tiles; }

/* Floats from one point of the sums to the next. */
static ptrdiff_t sums_size(const c2_tiled *c) { return point_size(c->K_blocks, c->C_blocks * 16); }

/* Blocks of outputs [output, last_output) and of inputs: the filters of a thread. */
typedef struct { ptrdiff_t output, last_output, input, last_input; } c2_blocks;

/* In how many parts the inputs are cut; the outputs are, in threads / parts. */
static ptrdiff_t input_parts(const c2_tiled *c)
{
    ptrdiff_t parts = over(c->threads, c->K_blocks);
    return parts < c->C_blocks ? parts : c->C_blocks;
}

static ptrdiff_t output_parts(const c2_tiled *c)
{
    ptrdiff_t parts = c->threads / input_parts(c);
    return parts < c->K_blocks ? parts : c->K_blocks;
}

/* Floats of V and D of a thread. */
static ptrdiff_t tiles_size(const c2_tiled *c)
{
    return c2_tiled_points(c) * (point_size(over(c->C_blocks, input_parts(c)), c->tiles) +
                                 point_size(over(c->K_blocks, output_parts(c)), c->tiles));
}

ptrdiff_t c2_winograd_gradient_scratch(const c2_winograd_gradient *g)
{
    const c2_tiled *c = &g->forward;
    ptrdiff_t floats = c->K_blocks * 16 + (at_once(c) ? 0 : c2_tiled_points(c) * sums_size(c)) +
                       input_parts(c) * output_parts(c) * tiles_size(c);
    ptrdiff_t filters = floats * (ptrdiff_t)sizeof(float);
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

static void transform_tiles(const c2_winograd_gradient *g, const c2_blocks *own, const c2_share *part,
                            void *const *buffers, float *v, float *d)
{
    const c2_tiled *c = &g->forward;
    const c2_gradient_stages *stages = &OF_WIDTH(c->lanes, gradient_stages);
    const ptrdiff_t line = part->tiles * 16;
    for (ptrdiff_t block = own->input; block < own->last_input; ++block)
        stages->tile(c, buffers[g->X], NULL, v - own->input * line, part, block, 0, part->tiles);
    for (ptrdiff_t block = own->output; block < own->last_output; ++block)
        stages->tile(c, NULL, buffers[g->dY], d - own->output * line, part, block, 0, part->tiles);
}

static void add_products(const c2_tiled *c, const c2_blocks *own, const c2_share *part, const float *v, const float *d,
                         float *sums)
{
    const c2_gradient_stages *stages = &OF_WIDTH(c->lanes, gradient_stages);
    for (ptrdiff_t point = 0; point < c2_tiled_points(c); ++point)
        for (ptrdiff_t block = own->output; block < own->last_output; ++block)
            stages->sum(d + point * part->m_point + (block - own->output) * part->tiles * 16, v + point * part->v_point,
                        own->last_input - own->input,
                        sums + point * sums_size(c) + (block * c->C_blocks + own->input) * 256, part);
}

/* dW between a block of outputs and one of inputs; `sums` are theirs, `point` floats from one point to the next. */
static void give_filters(const c2_winograd_gradient *g, ptrdiff_t output, ptrdiff_t input, const float *sums,
                         ptrdiff_t point, float *dW)
{
    const c2_tiled *c = &g->forward;
    const c2_gradient_stages *stages = &OF_WIDTH(c->lanes, gradient_stages);
    const ptrdiff_t left = g->C - input * 16;
    for (ptrdiff_t k = output * 16; k < c->K && k < output * 16 + 16; ++k)
        stages->filter(c, sums + k % 16 * 16, point, left < 16 ? left : 16, dW + (k * g->C + input * 16) * 9);
}

/* dW from tiles that are all there. */
static void give_at_once(const c2_winograd_gradient *g, const c2_blocks *own, const c2_share *part, const float *v,
                         const float *d, float *dW)
{
    const c2_tiled *c = &g->forward;
    const c2_gradient_stages *stages = &OF_WIDTH(c->lanes, gradient_stages);
    const ptrdiff_t line = part->tiles * 16;
    float sums[POINTS * SUMS];
    for (ptrdiff_t output = own->output; output < own->last_output; ++output)
        for (ptrdiff_t input = own->input; input < own->last_input; ++input) {
            const float *to = d + (output - own->output) * line, *from = v + (input - own->input) * line;
            for (ptrdiff_t point = 0; point < c2_tiled_points(c); ++point)
                stages->sum(to + point * part->m_point, from + point * part->v_point, 1, sums + point * SUMS, part);
            give_filters(g, output, input, sums, SUMS, dW);
        }
}

static void run_part(const c2_winograd_gradient *g, const c2_blocks *own, void *const *buffers, float *bias, float *sums,
                     float *v)
{
    const c2_tiled *c = &g->forward;
    const ptrdiff_t tiles = tiles_of(c);
    for (ptrdiff_t start = 0; start < tiles; start += c->tiles) {
        c2_share part = {.start = start, .tiles = tiles - start < c->tiles ? tiles - start : c->tiles};
        part.v_point = point_size(own->last_input - own->input, part.tiles);
        part.m_point = point_size(own->last_output - own->output, part.tiles);
        float *d = v + c2_tiled_points(c) * part.v_point;
        transform_tiles(g, own, &part, buffers, v, d);
        for (ptrdiff_t block = own->output; own->input == 0 && block < own->last_output; ++block)
            add_bias(d + (c->tile + 1) * part.m_point + (block - own->output) * part.tiles * 16, part.tiles,
                     bias + block * 16);
        if (at_once(c))
            give_at_once(g, own, &part, v, d, buffers[g->dW]);
        else
            add_products(c, own, &part, v, d, sums);
    }
    for (ptrdiff_t output = own->output; !at_once(c) && output < own->last_output; ++output)
        for (ptrdiff_t input = own->input; input < own->last_input; ++input)
            give_filters(g, output, input, sums + (output * c->C_blocks + input) * 256, sums_size(c), buffers[g->dW]);
}

static void filter_gradient(const c2_winograd_gradient *g, void *const *buffers)
{
    const c2_tiled *c = &g->forward;
    const ptrdiff_t across = input_parts(c), down = output_parts(c);
    float *bias = buffers[g->scratch], *sums = bias + c->K_blocks * 16;
    float *v = sums + (at_once(c) ? 0 : c2_tiled_points(c) * sums_size(c));
    memset(bias, 0, (size_t)c->K_blocks * 16 * sizeof *bias);
#pragma omp parallel for schedule(static, 1) num_threads(c->threads) if (c->threads > 1)
    for (ptrdiff_t item = 0; item < across * down; ++item) {
        ptrdiff_t i = item % across, o = item / across;
        const c2_blocks own = {c->K_blocks * o / down, c->K_blocks * (o + 1) / down, c->C_blocks * i / across,
                               c->C_blocks * (i + 1) / across};
        run_part(g, &own, buffers, bias, sums, v + item * tiles_size(c));
    }
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
