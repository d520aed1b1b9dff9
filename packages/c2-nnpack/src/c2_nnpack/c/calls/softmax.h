/* Y = exp(X - max) / sum of the same, along rows of `columns`; the buffers are X and Y. */
typedef struct { ptrdiff_t rows, columns; int lanes, threads; } c2_softmax;
int c2_run_softmax(void *context, void *const *buffers);
