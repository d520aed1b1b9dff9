/* Convolution 3x3, stride 1, by Winograd's F(m x m, 3 x 3), m 2, 4 or 6. X, Y and the summand have channels in blocks of
 * 16, the last one filled up with zeros: (N, C_blocks, H, W, 16). `weights` are what c2_pack_winograd made.
 * Y = clip(conv(X) + b + summand, low, high). Positions (bias, summand, ...) are those among the call's buffers, -1
 * where there is none. `tiles` are transformed at a time; `lanes` is the width of vectors, one that c2_lanes gives. */
typedef struct {
    ptrdiff_t N, C_blocks, K_blocks, K, H, W, out_H, out_W, top, left, tiles;
    int m, lanes, threads, bias, summand, output, scratch;
    float low, high;
    const float *weights;
} c2_winograd;
int c2_run_winograd(void *context, void *const *buffers);

/* Floats that the packed weights have, and bytes of scratch memory that a call wants. */
ptrdiff_t c2_winograd_weights(const c2_winograd *context);
ptrdiff_t c2_winograd_scratch(const c2_winograd *context);

/* Transforms and packs filters (K, C, 3, 3). */
void c2_pack_winograd(const c2_winograd *context, const float *W, ptrdiff_t C, float *packed);
