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
    part.u_point = c->K_blocks * c->C_blocks * 256 * (c->scales ? 2 : 4);
    part.weights = c->weights;
    part.last_input = c->C_blocks;
    float *products = v + c2_tiled_points(c) * part.v_point;
    stages->input(c, buffers[0], v, &part);
    stages->product(c, v, products, &part);
    stages->output(c, products, bias, c->summand < 0 ? NULL : buffers[c->summand], buffers[c->output], &part);
}

static void fill_bias(const c2_tiled *c, void *const *buffers, float *bias)
{
    memset(bias, 0, (size_t)c->K_blocks * 16 * sizeof *bias);
    if (c->bias >= 0)
        memcpy(bias, buffers[c->bias], (size_t)c->K * sizeof *bias);
}

int c2_run_tiled(void *context, void *const *buffers)
{
    const c2_tiled *c = context;
    float *bias = buffers[c->scratch], *work = bias + c->K_blocks * 16;
    const ptrdiff_t groups = over(tiles_of(c), c->tiles), pairs = over(c->K_blocks, 2), parts = c->threads;
    const int apart = by_tiles(c);
    fill_bias(c, buffers, bias);
#pragma omp parallel for schedule(static, 1) num_threads(c->threads) if (c->threads > 1)
    for (ptrdiff_t part = 0; part < parts; ++part) {
        ptrdiff_t first = apart ? groups * part / parts : 0, last = apart ? groups * (part + 1) / parts : groups;
        c2_share mine = {.last = c->K_blocks};
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

enum { PIECE = 384 << 10 }; /* bytes of weights that are made at a time */

static ptrdiff_t inputs_at_a_time(const c2_tiled *c)
{
    ptrdiff_t most = PIECE / (c2_tiled_points(c) * 2 * 256 * (ptrdiff_t)sizeof(float)), parts = over(c->C_blocks, most ? most : 1);
    return over(c->C_blocks, parts);
}

/* All tiles: V, M of a pair of blocks of outputs, and weights of that pair and some inputs. */
static c2_share all_tiles(const c2_tiled *c)
{
    const ptrdiff_t tiles = tiles_of(c);
    return (c2_share){.tiles = tiles, .v_point = point_size(c->C_blocks, tiles), .m_point = point_size(2, tiles),
                      .u_point = (inputs_at_a_time(c) * 2 * 256 + 16) * (ptrdiff_t)sizeof(float)};
}

static ptrdiff_t pieces_workspace(const c2_tiled *c)
{
    const c2_share part = all_tiles(c);
    return c2_tiled_points(c) * (part.v_point + part.m_point + part.u_point / (ptrdiff_t)sizeof(float));
}

ptrdiff_t c2_tiled_in_pieces_scratch(const c2_tiled *c)
{
    return (c->threads * pieces_workspace(c) + c->K_blocks * 16) * (ptrdiff_t)sizeof(float);
}

static void run_pieces(const c2_tiled *c, void *const *buffers, const float *bias, float *v, ptrdiff_t first, ptrdiff_t last,
                       c2_make_weights make, const void *context)
{
    const c2_stages *stages = &OF_WIDTH(c->lanes, stages);
    c2_share part = all_tiles(c);
    float *products = v + c2_tiled_points(c) * part.v_point, *u = products + c2_tiled_points(c) * part.m_point;
    stages->input(c, buffers[0], v, &part);
    for (part.first = first; part.first < last; part.first += 2) {
        float *of_first = products - part.first * part.tiles * 16;
        part.last = least(last, part.first + 2);
        for (part.input = 0; part.input < c->C_blocks; part.input = part.last_input) {
            part.last_input = least(c->C_blocks, part.input + inputs_at_a_time(c));
            part.weights = (const char *)(u - part.first * (part.last_input - part.input) * 256);
            make(context, buffers, &part, u);
            stages->product(c, v, of_first, &part);
        }
        stages->output(c, of_first, bias, c->summand < 0 ? NULL : buffers[c->summand], buffers[c->output], &part);
    }
}

void c2_run_tiled_in_pieces(const c2_tiled *c, void *const *buffers, c2_make_weights make, const void *context)
{
    float *bias = buffers[c->scratch], *work = bias + c->K_blocks * 16;
    const ptrdiff_t pairs = over(c->K_blocks, 2), parts = least(c->threads, pairs);
    fill_bias(c, buffers, bias);
#pragma omp parallel for schedule(static, 1) num_threads(parts) if (parts > 1)
    for (ptrdiff_t part = 0; part < parts; ++part)
        run_pieces(c, buffers, bias, work + part * pieces_workspace(c), pairs * part / parts * 2,
                   least(c->K_blocks, pairs * (part + 1) / parts * 2), make, context);
}
