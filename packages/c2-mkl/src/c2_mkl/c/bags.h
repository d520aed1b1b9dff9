/* What lookups, their gradients and sparse updates know of segments ("bags") of places and of the rows picked. */
#ifndef C2_BAGS_H
#define C2_BAGS_H

#include <stddef.h>
#include <stdint.h>

/* Codes of failures; a positive one is 1 + the place of an index that is no row's. */
enum { C2_NEGATIVE_LENGTH = -1, C2_OTHER_TOTAL = -2, C2_SHORT_WEIGHTS = -3 };

/* Places of all bags, or a code. `longest` gets the largest length. */
int c2_check_lengths(const int32_t *lengths, ptrdiff_t bags, ptrdiff_t places, ptrdiff_t *longest);

/* Keeps the first bad place of all threads. */
void c2_note_bad(ptrdiff_t *bad, ptrdiff_t place);

/* The return code for it: 0 where there is none. */
int c2_code_of(ptrdiff_t bad);

/* The first of `count` indices that is not in [0, rows), or -1. */
ptrdiff_t c2_first_outside(const void *indices, int wide, ptrdiff_t count, ptrdiff_t rows);

static inline __attribute__((always_inline)) ptrdiff_t index_at(const void *indices, int wide, ptrdiff_t place)
{
    return wide ? (ptrdiff_t)((const int64_t *)indices)[place] : ((const int32_t *)indices)[place];
}

/* Into the second cache: more lines may be on their way to it than to the first one. */
static inline __attribute__((always_inline)) void fetch_row(const char *row, ptrdiff_t bytes)
{
    for (ptrdiff_t at = 0; at < bytes; at += 64)
        __builtin_prefetch(row + at, 0, 2);
    __builtin_prefetch(row + bytes - 1, 0, 2);
}

/* A thread's share of bags: a bag belongs to the thread in whose part of [0, places + bags) it begins, each bag
 * counting for one more than its places. So threads get equal work whatever the lengths are. */
typedef struct { ptrdiff_t bag, place, length; } c2_bag;

static inline int next_bag(c2_bag *at, const int32_t *lengths, ptrdiff_t bags, ptrdiff_t first, ptrdiff_t last)
{
    for (;;) {
        at->place += at->length;
        ++at->bag;
        if (at->bag >= bags || at->place + at->bag >= last)
            return 0;
        at->length = lengths ? lengths[at->bag] : 1;
        if (at->place + at->bag >= first)
            return 1;
    }
}

#define FIRST_BAG {-1, 0, 0}

#endif
