/* Images from (N, C, positions) to (N, C / 16, positions, 16), or back where `plain` says so. */
typedef struct { ptrdiff_t N, C, positions; int plain, threads; } c2_reorder;
int c2_run_reorder(void *context, void *const *buffers);
