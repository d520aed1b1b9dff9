/* The bound of lookups: how fast random rows can be brought from memory, when nothing is done to them but a touch of
 * every cache line. Built and called by embedding_bag.py. */
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum { LINE = 64, MOST = 64 };

typedef struct { const char *rows; const int64_t *indices; ptrdiff_t row_bytes, count; int ahead; int64_t sum; } share;

static void *touch(void *argument)
{
    share *s = argument;
    int64_t sum = 0;
    for (ptrdiff_t k = 0; k < s->count; ++k) {
        ptrdiff_t next = k + s->ahead < s->count ? k + s->ahead : k;
        for (ptrdiff_t at = 0; at < s->row_bytes; at += LINE)
            __builtin_prefetch(s->rows + s->indices[next] * s->row_bytes + at, 0, 2);
        for (ptrdiff_t at = 0; at < s->row_bytes; at += LINE)
            sum += *(const int64_t *)(s->rows + s->indices[k] * s->row_bytes + at);
    }
    s->sum = sum;
    return NULL;
}

/* Nanoseconds per row of the best of `rounds`, over `threads` threads; rows are asked for `ahead` rows ahead.
 * Rows start on cache lines: row_bytes is a multiple of 64. Memory in huge pages where the system gives them. */
double gather_ns(ptrdiff_t rows, ptrdiff_t row_bytes, ptrdiff_t count, int ahead, int threads, int rounds)
{
    size_t bytes = (size_t)rows * (size_t)row_bytes;
    char *table = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int64_t *indices = malloc((size_t)count * sizeof *indices);
    pthread_t team[MOST];
    share shares[MOST];
    double best = 1e9;
    if (table == MAP_FAILED || !indices || threads > MOST)
        return -1;
    madvise(table, bytes, MADV_HUGEPAGE);
    for (size_t at = 0; at < bytes; at += LINE)
        table[at] = 1;
    uint64_t state = 88172645463325252u;
    for (int round = 0; round < rounds; ++round) {
        for (ptrdiff_t k = 0; k < count; ++k) {
            state ^= state << 13, state ^= state >> 7, state ^= state << 17;
            indices[k] = (int64_t)(state % (uint64_t)rows);
        }
        struct timespec start, end;
        clock_gettime(CLOCK_MONOTONIC, &start);
        for (int t = 0; t < threads; ++t) {
            ptrdiff_t first = count * t / threads, last = count * (t + 1) / threads;
            shares[t] = (share){table, indices + first, row_bytes, last - first, ahead, 0};
            pthread_create(&team[t], NULL, touch, &shares[t]);
        }
        for (int t = 0; t < threads; ++t)
            pthread_join(team[t], NULL);
        clock_gettime(CLOCK_MONOTONIC, &end);
        double ns = (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
        best = ns / (double)count < best ? ns / (double)count : best;
    }
    munmap(table, bytes);
    free(indices);
    return best;
}
