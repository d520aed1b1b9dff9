/* Collectives of processes on one machine, through memory that they share. Returns and numbers are those of gloo.h. */
typedef struct c2_shared c2_shared;

/* Rank 0 makes the memory `name` for `size` ranks, the others find it there; c2_shared_forget takes the name away once all
 * have it. Up to `room` bytes of each rank's numbers are exchanged at a time; the memory is 2 * size * room. */
int c2_shared_open(const char *name, int rank, int size, size_t room, c2_shared **made);
void c2_shared_forget(const char *name);
void c2_shared_close(c2_shared *shared);

int c2_shared_allreduce(c2_shared *shared, void *x, size_t count, int numbers, int operation, uint32_t tag,
                        int milliseconds);
int c2_shared_reduce(c2_shared *shared, void *x, size_t count, int numbers, int operation, int root, uint32_t tag,
                     int milliseconds);
int c2_shared_reduce_scatter(c2_shared *shared, void *x, const int *counts, void *y, int numbers, int operation,
                             uint32_t tag, int milliseconds);
int c2_shared_allgather(c2_shared *shared, void *x, void *y, size_t bytes, uint32_t tag, int milliseconds);
int c2_shared_broadcast(c2_shared *shared, void *x, size_t bytes, int root, uint32_t tag, int milliseconds);
int c2_shared_barrier(c2_shared *shared, uint32_t tag, int milliseconds);
