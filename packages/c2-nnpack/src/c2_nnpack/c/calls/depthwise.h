/* Depthwise convolution: output channel k is made of input channel k / multiplier alone. The window's blocks are those of
 * outputs, X has `X_blocks` per image. `weights` are what c2_pack_depthwise made: (blocks, kernel, 16).
 * Y = clip(conv(X) + b + summand, low, high). Positions (bias, summand, ...) are those among the call's buffers, -1
 * where there is none; `lanes` is the width of vectors, one that c2_lanes gives. */
typedef struct {
    c2_window window;
    ptrdiff_t X_blocks, K, multiplier;
    int lanes, threads, bias, summand, output, scratch;
    float low, high;
    const float *weights;
} c2_depthwise;
int c2_run_depthwise(void *context, void *const *buffers);

/* Bytes of scratch memory that a call wants. */
ptrdiff_t c2_depthwise_scratch(const c2_depthwise *context);

/* Packs filters (K, 1, kernel). */
void c2_pack_depthwise(const c2_depthwise *context, const float *W, float *packed);
