/* Y = clip(sum of `count` inputs, low, high), all of n floats; the buffers are the inputs, then Y. */
typedef struct {
    ptrdiff_t n;
    int count, lanes, threads;
    float low, high;
} c2_clipped_sum;
int c2_run_clipped_sum(void *context, void *const *buffers);
