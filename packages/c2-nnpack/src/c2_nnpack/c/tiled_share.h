/* Which tiles are transformed together, where they lie in images, and where their values go. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "calls/tiled.h"

enum { LARGEST = 16 }; /* height and width of a tile */

/* `tiles` tiles from `start`, for the blocks of outputs [first, last), of which the blocks of inputs [input, last_input) are
 * summed; floats from one point of V and M to the next. Weights are those of these inputs, and lie as those of all outputs
 * would; bytes from one point of them to the next. */
typedef struct {
    ptrdiff_t start, tiles, first, last, input, last_input, v_point, m_point, u_point;
    const char *weights;
} c2_share;

/* Makes the weights between a share's inputs and outputs when they are wanted, from the call's buffers. */
typedef void (*c2_make_weights)(const void *context, void *const *buffers, const c2_share *part, float *u);

/* The convolution of all tiles at once, with weights that are made piece by piece and never leave a core's cache; bytes of
 * scratch memory that it wants. */
void c2_run_tiled_in_pieces(const c2_tiled *c, void *const *buffers, c2_make_weights make, const void *context);
ptrdiff_t c2_tiled_in_pieces_scratch(const c2_tiled *c);

/* Where a tile of Y goes: as much of it as is inside of the image; `row` floats from one row to the next. */
typedef struct {
    float *y;
    const float *summand, *bias;
    ptrdiff_t row, rows, columns;
    float low, high;
} c2_target;

static inline ptrdiff_t over(ptrdiff_t n, ptrdiff_t d) { return (n + d - 1) / d; }
static inline ptrdiff_t least(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
static inline ptrdiff_t tiles_of(const c2_tiled *c) { return c->N * over(c->out_H, c->rows) * over(c->out_W, c->columns); }

/* The image of a tile, and the first row and column that it gives. */
static inline void place_of(const c2_tiled *c, ptrdiff_t tile, ptrdiff_t *n, ptrdiff_t *y, ptrdiff_t *x)
{
    ptrdiff_t across = over(c->out_W, c->columns), down = over(c->out_H, c->rows);
    *x = tile % across * c->columns;
    *y = tile / across % down * c->rows;
    *n = tile / (across * down);
}

/* t x t positions of a plane H x W from (y, x), zeros outside of it. */
static inline void cut_out(const float *plane, ptrdiff_t H, ptrdiff_t W, ptrdiff_t y, ptrdiff_t x, int t, float *patch)
{
    ptrdiff_t first = x < 0 ? -x : 0, last = W - x < t ? W - x : t;
    memset(patch, 0, (size_t)(t * t * 16) * sizeof *patch);
    for (int i = 0; i < t; ++i)
        if (y + i >= 0 && y + i < H && first < last)
            memcpy(patch + (i * t + first) * 16, plane + ((y + i) * W + x + first) * 16,
                   (size_t)(last - first) * 16 * sizeof *patch);
}

/* A line more than needed: rows of a point must not all fall into the same few sets of the cache. */
static inline ptrdiff_t point_size(ptrdiff_t blocks, ptrdiff_t tiles) { return (blocks * tiles + 1) * 16; }
