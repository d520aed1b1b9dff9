/* Direct convolution: what is computed together, by which thread, with which vectors. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "calls/direct.h"

/* Outputs computed together: `images` from n, `rows` from y, `columns` from x; panels [first, last) of outputs. */
typedef struct { ptrdiff_t n, images, y, rows, x, columns, first, last; } c2_chunk;

/* Where the sums of a tile come from and go to. `block` is the distance between blocks of outputs. */
typedef struct {
    const c2_direct *c;
    const c2_source *first, *last;
    const float *ahead; /* weights that are wanted next: one in `period` tiles fetches them */
    ptrdiff_t period, block;
    int begins, ends; /* whether the bias starts the sums (else Y does), and whether they are complete */
} c2_sums;

static ptrdiff_t over(ptrdiff_t n, ptrdiff_t d) { return (n + d - 1) / d; }
static ptrdiff_t least(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

static ptrdiff_t most(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }

static ptrdiff_t terms_of(const c2_direct *c) { return c->source[c->sources].before; }
static ptrdiff_t panels_of_group(const c2_direct *c) { return over(c->blocks * 16, 2 * c->lanes); }

static c2_chunk chunk_of(const c2_direct *c, ptrdiff_t number)
{
    const ptrdiff_t across = over(c->out_W, c->columns), down = over(c->out_H, c->rows);
    c2_chunk at = {.n = number / (across * down) * c->images, .y = number / across % down * c->rows,
                   .x = number % across * c->columns};
    at.images = least(c->images, c->N - at.n);
    at.rows = least(c->rows, c->out_H - at.y);
    at.columns = least(c->columns, c->out_W - at.x);
    return at;
}

static const float *in_place(const c2_direct *c, const float *X, const c2_chunk *chunk)
{
    return X + chunk->n * c->image_size + chunk->y * c->row_size + chunk->x * c->depth;
}

#define BODY "direct_products.h"
#include "every_width.h"

static ptrdiff_t workspace(const c2_direct *c) { return c->gathers ? c->images * c->image_size : 0; }

ptrdiff_t c2_direct_weights(const c2_direct *c) { return c->group * c->blocks * 16 * terms_of(c); }

ptrdiff_t c2_direct_scratch(const c2_direct *c)
{
    return (c->threads * workspace(c) + c->group * c->blocks * 16) * (ptrdiff_t)sizeof(float);
}

/* Chunks and panels of outputs in one row, of which each thread has a part; each gathers what its chunks read. */
static void run_part(const c2_direct *c, void *const *buffers, const float *bias, float *work, ptrdiff_t item,
                     ptrdiff_t last)
{
    const ptrdiff_t panels = c->group * panels_of_group(c);
    const float *summand = c->summand < 0 ? NULL : buffers[c->summand];
    while (item < last) {
        c2_chunk chunk = chunk_of(c, item / panels);
        chunk.first = item % panels;
        chunk.last = least(panels, chunk.first + last - item);
        item += chunk.last - chunk.first;
        const float *x = c->gathers ? work : in_place(c, buffers[0], &chunk);
        if (c->gathers)
            OF_WIDTH(c->lanes, gather)(c, buffers[0], &chunk, work);
        OF_WIDTH(c->lanes, products)(c, x, bias, summand, buffers[c->output], &chunk);
    }
}

int c2_run_direct(void *context, void *const *buffers)
{
    const c2_direct *c = context;
    const ptrdiff_t outputs = c->group * c->blocks * 16, parts = c->threads;
    float *bias = buffers[c->scratch], *work = bias + outputs;
    ptrdiff_t chunks = over(c->N, c->images) * over(c->out_H, c->rows) * over(c->out_W, c->columns);
    ptrdiff_t items = chunks * c->group * panels_of_group(c);
    memset(bias, 0, (size_t)outputs * sizeof *bias);
    if (c->bias >= 0)
        memcpy(bias, buffers[c->bias], (size_t)c->K * sizeof *bias);
#pragma omp parallel for schedule(static, 1) num_threads(c->threads) if (c->threads > 1)
    for (ptrdiff_t part = 0; part < parts; ++part)
        run_part(c, buffers, bias, work + part * workspace(c), items * part / parts, items * (part + 1) / parts);
    return 0;
}
