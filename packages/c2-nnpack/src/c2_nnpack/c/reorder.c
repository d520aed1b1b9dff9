/* Images between C order and channels in blocks of 16. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "calls/reorder.h"

enum { RUN = 64 }; /* positions at a time: a block of them stays in the nearest cache */

static void to_blocks(const float *x, ptrdiff_t positions, int channels, ptrdiff_t count, float *y)
{
    for (ptrdiff_t p = 0; p < count; ++p)
        for (int k = 0; k < 16; ++k)
            y[p * 16 + k] = k < channels ? x[k * positions + p] : 0;
}

static void to_plain(const float *x, ptrdiff_t positions, int channels, ptrdiff_t count, float *y)
{
    for (int k = 0; k < channels; ++k)
        for (ptrdiff_t p = 0; p < count; ++p)
            y[k * positions + p] = x[p * 16 + k];
}

int c2_run_reorder(void *context, void *const *buffers)
{
    const c2_reorder *c = context;
    const float *X = buffers[0];
    float *Y = buffers[1];
    const ptrdiff_t blocks = (c->C + 15) / 16, positions = c->positions, runs = (positions + RUN - 1) / RUN;
#pragma omp parallel for num_threads(c->threads) if (c->threads > 1 && c->N * c->C * positions > 32768)
    for (ptrdiff_t item = 0; item < c->N * blocks * runs; ++item) {
        ptrdiff_t plane = item / runs, first = item % runs * RUN, n = plane / blocks, block = plane % blocks;
        ptrdiff_t count = positions - first < RUN ? positions - first : RUN;
        int channels = c->C - block * 16 < 16 ? (int)(c->C - block * 16) : 16;
        ptrdiff_t plain = (n * c->C + block * 16) * positions + first, blocked = (plane * positions + first) * 16;
        if (c->plain)
            to_plain(X + blocked, positions, channels, count, Y + plain);
        else
            to_blocks(X + plain, positions, channels, count, Y + blocked);
    }
    return 0;
}
