/* Parts of a tensor along an axis: taken out, and put back among zeros. */
#include "parallel.h"

#include <string.h>

enum { GRAIN = 262144 }; /* bytes */

static void split_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_split *c = context;
    (void)thread;
    for (ptrdiff_t r = first; r < last; ++r) {
        const char *from = (const char *)buffers[0] + r * c->joined + c->start;
        for (int k = 0; k < c->count; ++k) {
            char *to = (char *)buffers[1 + k] + r * c->bytes[k];
            if (to != from)
                memcpy(to, from, (size_t)c->bytes[k]);
            from += c->bytes[k];
        }
    }
}

int c2_run_split(void *context, void *const *buffers)
{
    const c2_split *c = context;
    c2_parallel(split_part, c, buffers, c->outer, 1 + GRAIN / (c->joined + 1), c->threads);
    return 0;
}

static void put_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_split *c = context;
    ptrdiff_t own = c->bytes[0];
    (void)thread;
    for (ptrdiff_t r = first; r < last; ++r) {
        char *to = (char *)buffers[1] + r * c->joined;
        memset(to, 0, (size_t)c->start);
        memcpy(to + c->start, (const char *)buffers[0] + r * own, (size_t)own);
        memset(to + c->start + own, 0, (size_t)(c->joined - c->start - own));
    }
}

int c2_run_put(void *context, void *const *buffers)
{
    const c2_split *c = context;
    c2_parallel(put_part, c, buffers, c->outer, 1 + GRAIN / (c->joined + 1), c->threads);
    return 0;
}
