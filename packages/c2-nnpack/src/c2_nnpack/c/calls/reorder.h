/* Images in another form; each is one of these. */
enum { C2_BLOCKS, C2_FIRST, C2_LAST }; /* (N, C / 16, positions, 16), (N, C, positions), (N, positions, C) */
typedef struct { ptrdiff_t N, C, positions; int source, target, threads; } c2_reorder;
int c2_run_reorder(void *context, void *const *buffers);
