/* Normalization by the moments of channels, and by the channels around. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "calls/normalize.h"
#include "channels.h"

enum { FEW_NUMBERS = 32768 }; /* that one thread normalizes faster than two begin */

static ptrdiff_t lrn_row(const c2_lrn *c) { return c->blocks * 16 + (c->size - 1 + 15) / 16 * 16; }

#define BODY "normalize_run.h"
#include "every_width.h"

int c2_run_spatial_bn(void *context, void *const *buffers)
{
    const c2_spatial_bn *c = context;
    const ptrdiff_t planes = c->N * c->blocks, size = c->positions * 16;
#pragma omp parallel for num_threads(c->threads) if (c->threads > 1 && planes * size > FEW_NUMBERS)
    for (ptrdiff_t plane = 0; plane < planes; ++plane) {
        float room[4][16], factor[16], shift[16];
        const float *by_channel[4]; /* scale, bias, mean, var */
        for (int k = 0; k < 4; ++k)
            by_channel[k] = block_of(buffers[1 + k], plane % c->blocks, c->C, room[k]);
        for (int k = 0; k < 16; ++k) {
            factor[k] = by_channel[0][k] == 0 ? 0 : by_channel[0][k] / sqrtf(by_channel[3][k] + c->epsilon);
            shift[k] = by_channel[1][k] - by_channel[2][k] * factor[k];
        }
        OF_WIDTH(c->lanes, scaled)(c, (const float *)buffers[0] + plane * size, factor, shift,
                                   (float *)buffers[5] + plane * size);
    }
    return 0;
}

int c2_run_lrn(void *context, void *const *buffers)
{
    const c2_lrn *c = context;
    const ptrdiff_t positions = c->N * c->positions;
    const ptrdiff_t parts = positions * c->blocks * 16 < FEW_NUMBERS ? 1 : c->threads;
#pragma omp parallel for schedule(static, 1) num_threads(parts) if (parts > 1)
    for (ptrdiff_t part = 0; part < parts; ++part) {
        float *squares = (float *)buffers[c->scratch] + part * lrn_row(c);
        memset(squares, 0, (size_t)lrn_row(c) * sizeof *squares);
        for (ptrdiff_t at = positions * part / parts; at < positions * (part + 1) / parts; ++at) {
            const ptrdiff_t start = (at / c->positions * c->blocks * c->positions + at % c->positions) * 16;
            OF_WIDTH(c->lanes, local_response)(c, (const float *)buffers[0] + start, squares,
                                               (float *)buffers[1] + start);
        }
    }
    return 0;
}
