/* Gloo as C functions. Those that return int give 0, or 1 after which c2_gloo_error says what failed in this thread. */
typedef struct c2_gloo c2_gloo;
const char *c2_gloo_error(void);

/* Joins `size` ranks over TCP. `store` is handed to the two functions that c2_gloo_store was told. `interface` names the
 * network's interface, `host` an address of this machine on it; one of them is empty. */
int c2_gloo_connect(int rank, int size, const char *interface, const char *host, int milliseconds, void *store,
                    c2_gloo **made);
void c2_gloo_close(c2_gloo *gloo);

/* A store's functions: set gives 0 or 1; get copies a value of at most `room` bytes and gives its size, or -1. */
typedef int (*c2_gloo_set)(void *store, const char *key, const char *value, size_t size);
typedef ptrdiff_t (*c2_gloo_get)(void *store, const char *key, char *value, size_t room, int milliseconds);
void c2_gloo_store(c2_gloo_set set, c2_gloo_get get);

/* Numbers: 0 float32, 1 float64, 2 int32, 3 int64, 4 uint8, 5 int8, 6 float16. Operations: 0 sum, 1 product, 2 min, 3 max.
 * Counts are of numbers; a tag tells collectives that run at the same time apart. */
int c2_gloo_allreduce(c2_gloo *gloo, void *x, size_t count, int numbers, int operation, uint32_t tag, int milliseconds);
int c2_gloo_reduce(c2_gloo *gloo, void *x, size_t count, int numbers, int operation, int root, uint32_t tag,
                   int milliseconds);
int c2_gloo_reduce_scatter(c2_gloo *gloo, void *x, const int *counts, void *y, int numbers, int operation, uint32_t tag,
                           int milliseconds);
int c2_gloo_allgather(c2_gloo *gloo, void *x, void *y, size_t bytes, uint32_t tag, int milliseconds);
int c2_gloo_broadcast(c2_gloo *gloo, void *x, size_t bytes, int root, uint32_t tag, int milliseconds);
int c2_gloo_barrier(c2_gloo *gloo, uint32_t tag, int milliseconds);
int c2_gloo_send(c2_gloo *gloo, void *x, size_t bytes, int to, uint32_t tag, int milliseconds);
/* From `source`, or from any rank where it is -1; `from` becomes the rank that sent. */
int c2_gloo_receive(c2_gloo *gloo, void *x, size_t bytes, int source, uint32_t tag, int milliseconds, int *from);
