/* Y = clip(X W^T + b, low, high) for X (M, K) and Y (M, N), both in C order. `weights` are what c2_pack_fc made. The
 * buffers are X, W (not read), b and Y; `lanes` is the width of vectors, one that c2_lanes gives. */
typedef struct {
    ptrdiff_t M, K, N;
    int lanes, threads;
    float low, high;
    const float *weights;
} c2_fc;
int c2_run_fc(void *context, void *const *buffers);

/* Floats that the packed weights have. */
ptrdiff_t c2_fc_weights(const c2_fc *context);

/* Packs W, whose element (n, k) lies at n * N_stride + k * K_stride. With `positions` > 1, the inputs are images in blocks of
 * 16 channels with that many positions, and k counts in the order of C. */
void c2_pack_fc(const c2_fc *context, const float *W, ptrdiff_t N_stride, ptrdiff_t K_stride, ptrdiff_t positions,
                float *packed);
