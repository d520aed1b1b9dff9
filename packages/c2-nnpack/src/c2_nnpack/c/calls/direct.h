/* Convolution by its definition. Y and the summand have channels in blocks of 16, the last one filled up with zeros:
 * (N, blocks, out_H, out_W, 16). X has too, and `depth` is 16; or it is in C order, and `depth` is 1: `planes` are
 * blocks or channels, of (H, W, depth) floats. Y = clip(conv(X) + b + summand, low, high); `bounds` are 0 without
 * any, 1 where `high` is infinite, else 2. Positions (bias, summand, ...) are those among the call's buffers, -1
 * where there is none.
 *
 * Outputs are computed in chunks of `images`, `rows` and `columns`. Where `gathers`, what a chunk reads is copied
 * first, with zeros for pads: rows and columns whose numbers have the same remainder by the stride (as many
 * remainders as there are `phases`) lie side by side, `taken` of each, so that neighbours in Y read neighbours. From
 * one plane, image and row of Y to the next, `plane_size`, `image_size` and `row_size` floats are gone in what is
 * read.
 *
 * Each of `group` groups has `sources`: pairs of a tap and a plane, by the rows of the window (of which there are
 * `window`, `dilation` apart), `pass` of them summed at a time. There are K outputs in all, `blocks` blocks of 16 in
 * each group. `lanes` is the width of vectors, one that c2_lanes gives. */
typedef struct { ptrdiff_t offset, before; } c2_source; /* of its floats in the group; channels and taps before it */
typedef struct {
    ptrdiff_t N, K, H, W, out_H, out_W, top, left, stride_h, stride_w;
    ptrdiff_t planes, depth, images, rows, columns;
    ptrdiff_t phases_h, phases_w, taken_h, taken_w, plane_size, image_size, row_size, group_size;
    ptrdiff_t group, blocks, sources, pass, window, dilation;
    int gathers, bounds, lanes, threads, bias, summand, output, scratch;
    float low, high;
    const c2_source *source; /* one more than there are: where the next one would be */
    const float *weights;
} c2_direct;
int c2_run_direct(void *context, void *const *buffers);

/* Floats that the packed weights have, and bytes of scratch memory that a call wants. */
ptrdiff_t c2_direct_weights(const c2_direct *context);
ptrdiff_t c2_direct_scratch(const c2_direct *context);

/* Packs filters (K, C, window, columns), C of one group. */
void c2_pack_direct(const c2_direct *context, const float *W, ptrdiff_t C, ptrdiff_t columns, float *packed);
