/* Winograd's convolution with filters 3 x 3 that may change: `tiled` but for its weights, which are transformed at every call
 * from the buffer at the position `filters`, (K, C, 3, 3); where `turned`, it is (C, K, 3, 3), and a filter's taps are taken
 * in reverse order, as the gradient of images wants it. `in_pieces`: filters are transformed piece by piece, for all tiles
 * at once; then `tiles` does not matter. */
typedef struct {
    c2_tiled tiled;
    ptrdiff_t C;
    int filters, turned, in_pieces;
} c2_winograd_changing;
int c2_run_winograd_changing(void *context, void *const *buffers);

/* Bytes of scratch memory that a call wants. */
ptrdiff_t c2_winograd_changing_scratch(const c2_winograd_changing *context);
