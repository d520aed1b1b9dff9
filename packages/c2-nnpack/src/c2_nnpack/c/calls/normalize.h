/* Y = clip((X - mean) / sqrt(var + epsilon) * scale + bias, low, high) by channel, for N * blocks planes of `positions`. The
 * buffers are X, scale, bias, mean, var and Y. X and Y are in blocks of 16 channels. */
typedef struct {
    ptrdiff_t N, blocks, C, positions;
    float epsilon, low, high;
    int lanes, threads;
} c2_spatial_bn;
int c2_run_spatial_bn(void *context, void *const *buffers);

/* Y = X / (bias + alpha / size * sum of squares of the `size` channels around) ^ beta; X and Y are in blocks of 16 channels. */
typedef struct {
    ptrdiff_t N, blocks, positions;
    float alpha, beta, bias;
    int size, lanes, threads, scratch;
} c2_lrn;
int c2_run_lrn(void *context, void *const *buffers);
