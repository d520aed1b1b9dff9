/* Depthwise convolutions, 3 x 3 with strides of 1 or 2, of 8-bit numbers with channels last.
 *
 * Bytes of four rows of X at one column, interleaved, are what one VNNI instruction takes per channel: three of them, one
 * per column of the window, are a whole sum. With a stride of 1 four rows do for two rows of Y, and each column that was
 * interleaved serves three of Y. Packing sums to bytes undoes the order in which interleaving put channels.
 *
 * Channels are taken in blocks of 64, the rest of 32 and 16; the last block of 16 may overlap the one before it. Bytes
 * with a sign have their highest bit flipped, which adds 128; factors have taken that out of the bias.
 */
#include "parallel.h"
#include "vnni.h"

#if HAS_VNNI

enum { TAPS = 3, QUAD = 4 };

/* Where a row of X is read: nowhere, again and again, where it lies outside the image. */
typedef struct { const uint8_t *at[QUAD]; ptrdiff_t step[QUAD]; } quad_rows;

#define BYTES 64
#include "depthwise_bytes_block.h"
#undef BYTES
#define BYTES 32
#include "depthwise_bytes_block.h"
#undef BYTES
#define BYTES 16
#include "depthwise_bytes_block.h"
#undef BYTES

static const uint8_t zeros[64];

static quad_rows rows_of(const c2_depthwise_bytes *c, const uint8_t *X, ptrdiff_t y, ptrdiff_t channel, int rows)
{
    quad_rows found;
    for (int k = 0; k < QUAD; ++k) {
        ptrdiff_t row = y * c->stride - c->head[0] + k;
        int inside = row >= 0 && row < c->inputs[0] && k < rows + TAPS - 1;
        found.at[k] = inside ? X + row * c->inputs[1] * c->channels + channel : zeros;
        found.step[k] = inside ? c->channels : 0;
    }
    return found;
}

static void pair_of_rows(const c2_depthwise_bytes *c, const uint8_t *X, uint8_t *Y, ptrdiff_t y, int rows)
{
    const uint8_t *weights = c->weights, *factors = c->factors;
    for (ptrdiff_t channel = 0; channel < c->channels;) {
        ptrdiff_t left = c->channels - channel, width = left >= 64 ? 64 : left >= 32 ? 32 : 16;
        if (left < 16)
            channel = c->channels - 16;
        quad_rows from = rows_of(c, X, y, channel, rows);
        uint8_t *to = Y + y * c->outputs[1] * c->channels + channel;
        if (width == 64)
            run_64(c, from, weights, factors, to, rows);
        else if (width == 32)
            run_32(c, from, weights, factors, to, rows);
        else
            run_16(c, from, weights, factors, to, rows);
        weights += 2 * TAPS * QUAD * width;
        factors += 2 * QUAD * width;
        channel += width;
    }
}

static void depthwise_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_depthwise_bytes *c = context;
    ptrdiff_t at_once = c->stride == 1 ? 2 : 1, units = (c->outputs[0] + at_once - 1) / at_once;
    (void)thread;
    for (ptrdiff_t k = first; k < last; ++k) {
        ptrdiff_t image = k / units, y = k % units * at_once;
        const uint8_t *X = (const uint8_t *)buffers[0] + image * c->inputs[0] * c->inputs[1] * c->channels;
        uint8_t *Y = (uint8_t *)buffers[1] + image * c->outputs[0] * c->outputs[1] * c->channels;
        pair_of_rows(c, X, Y, y, at_once == 2 && y + 1 < c->outputs[0] ? 2 : 1);
    }
}

int c2_run_depthwise_bytes(void *context, void *const *buffers)
{
    const c2_depthwise_bytes *c = context;
    ptrdiff_t at_once = c->stride == 1 ? 2 : 1, units = (c->outputs[0] + at_once - 1) / at_once;
    ptrdiff_t grain = 1 + 16384 / (at_once * c->outputs[1] * c->channels);
    c2_parallel(depthwise_part, c, buffers, c->images * units, grain, c->threads);
    return 0;
}

#else

int c2_run_depthwise_bytes(void *context, void *const *buffers)
{
    (void)context, (void)buffers;
    return 1;
}

#endif
