/* Convolution of stride 1 by tiles: tile x tile inputs are transformed, multiplied with transformed filters point by point,
 * and transformed back to rows x columns outputs, by Fourier's transform or by Winograd's. X, Y and the summand have
 * channels in blocks of 16, the last one filled up with zeros: (N, C_blocks, H, W, 16). `weights` are what c2_pack_tiled
 * made; where `scales` is there, they are float16, and the sums of a point are multiplied by its scales (of each output).
 * Y = clip(conv(X) + b + summand, low, high). Positions (bias, summand, ...) are those among the call's buffers, -1
 * where there is none. `tiles` are transformed at a time; `lanes` is the width of vectors, one that c2_lanes gives. */
typedef struct {
    ptrdiff_t N, C_blocks, K_blocks, K, H, W, out_H, out_W, top, left, tiles;
    int tile, rows, columns, fourier, lanes, threads, bias, summand, output, scratch;
    float low, high;
    const void *weights;
    const float *scales;
} c2_tiled;
int c2_run_tiled(void *context, void *const *buffers);

/* Points that a tile is transformed to, and bytes of scratch memory that a call wants. */
ptrdiff_t c2_tiled_points(const c2_tiled *context);
ptrdiff_t c2_tiled_scratch(const c2_tiled *context);

/* Transforms and packs filters (K, C, tile - rows + 1, tile - columns + 1), as [point][panel of 2 * lanes outputs][input]
 * [output of the panel]: points * C_blocks * K_blocks * 256 floats. */
void c2_pack_tiled(const c2_tiled *context, const float *W, ptrdiff_t C, float *packed);
