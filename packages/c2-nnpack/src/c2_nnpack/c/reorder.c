/* Images in C order, with channels first or last, or in blocks of 16 channels; and from each of these to another. */
#include <stddef.h>
#include <stdint.h>

#include "calls/reorder.h"

enum { RUN = 64 }; /* positions at a time: a block of them stays in the nearest cache */

/* Where a block's first number is, and floats from one position and from one channel to the next. */
typedef struct { ptrdiff_t start, position, channel; } c2_form;

static c2_form form_of(int form, const c2_reorder *c, ptrdiff_t n, ptrdiff_t block, ptrdiff_t first)
{
    const ptrdiff_t blocks = (c->C + 15) / 16, channel = block * 16;
    switch (form) {
    case C2_BLOCKS:
        return (c2_form){((n * blocks + block) * c->positions + first) * 16, 16, 1};
    case C2_FIRST:
        return (c2_form){(n * c->C + channel) * c->positions + first, 1, c->positions};
    default:
        return (c2_form){(n * c->positions + first) * c->C + channel, c->C, 1};
    }
}

/* To a form whose channels lie side by side: `channels` of them, and zeros up to `filled`. Strides that are constants where
 * this is inlined make faster loops. */
static inline void to_channels(const float *restrict x, ptrdiff_t x_position, ptrdiff_t x_channel, float *restrict y, ptrdiff_t y_position,
                               ptrdiff_t count, int channels, int filled)
{
    for (ptrdiff_t p = 0; p < count; ++p)
        for (int k = 0; k < filled; ++k)
            y[p * y_position + k] = k < channels ? x[p * x_position + k * x_channel] : 0;
}

static inline void to_positions(const float *restrict x, ptrdiff_t x_position, float *restrict y, ptrdiff_t y_channel, ptrdiff_t count,
                                int channels)
{
    for (int k = 0; k < channels; ++k)
        for (ptrdiff_t p = 0; p < count; ++p)
            y[k * y_channel + p] = x[p * x_position + k];
}

static void move(const c2_reorder *c, const float *x, c2_form from, float *y, c2_form to, ptrdiff_t count, int channels)
{
    if (c->source == C2_BLOCKS && c->target == C2_FIRST)
        to_positions(x, 16, y, to.channel, count, channels);
    else if (c->target == C2_FIRST)
        to_positions(x, from.position, y, to.channel, count, channels);
    else if (c->source == C2_FIRST && c->target == C2_BLOCKS)
        to_channels(x, 1, from.channel, y, 16, count, channels, 16);
    else if (c->source == C2_FIRST)
        to_channels(x, 1, from.channel, y, to.position, count, channels, channels);
    else if (channels == 16)
        to_channels(x, from.position, 1, y, to.position, count, 16, 16);
    else
        to_channels(x, from.position, 1, y, to.position, count, channels, c->target == C2_BLOCKS ? 16 : channels);
}

int c2_run_reorder(void *context, void *const *buffers)
{
    const c2_reorder *c = context;
    const ptrdiff_t blocks = (c->C + 15) / 16, positions = c->positions, runs = (positions + RUN - 1) / RUN;
#pragma omp parallel for num_threads(c->threads) if (c->threads > 1 && c->N * c->C * positions > 32768)
    for (ptrdiff_t item = 0; item < c->N * blocks * runs; ++item) {
        ptrdiff_t plane = item / runs, first = item % runs * RUN, n = plane / blocks, block = plane % blocks;
        ptrdiff_t count = positions - first < RUN ? positions - first : RUN;
        int channels = c->C - block * 16 < 16 ? (int)(c->C - block * 16) : 16;
        c2_form from = form_of(c->source, c, n, block, first), to = form_of(c->target, c, n, block, first);
        move(c, (const float *)buffers[0] + from.start, from, (float *)buffers[1] + to.start, to, count, channels);
    }
    return 0;
}
