/* The largest, or the average, number of each window; a window without any tap gives -infinity, or 0. The average is over
 * the taps inside, with `include_pad` over the whole window. Y = clip(.., low, high). X, Y and then nothing more are the
 * buffers. Where `channels` is given, Y is (N, channels) and the window's outputs are 1 x 1; else Y is in blocks. */
typedef struct {
    c2_window window;
    ptrdiff_t channels;
    int average, include_pad, lanes, threads;
    float low, high;
} c2_pool;
int c2_run_pool(void *context, void *const *buffers);
