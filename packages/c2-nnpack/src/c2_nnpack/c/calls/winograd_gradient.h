/* The gradients of a convolution of C channels with K filters 3 x 3 that `forward` describes (its sizes, tiles, lanes and
 * threads), by Winograd's method. X, W, ... are positions among the call's buffers, -1 where db or dX is not wanted: X, dY
 * and dX have channels in blocks of 16; W and dW are (K, C, 3, 3), db is (K). `images` makes dX of its own buffers dY, W,
 * dX and scratch memory. */
typedef struct {
    c2_tiled forward;
    c2_winograd_changing images;
    ptrdiff_t C;
    int X, W, dY, dW, db, dX, scratch;
} c2_winograd_gradient;
int c2_run_winograd_gradient(void *context, void *const *buffers);

/* Bytes of scratch memory that a call wants. */
ptrdiff_t c2_winograd_gradient_scratch(const c2_winograd_gradient *context);
