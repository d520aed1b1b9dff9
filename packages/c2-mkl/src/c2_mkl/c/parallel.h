/* A loop over all threads of the library's own OpenMP runtime, so that no second one is brought in. */
#ifndef C2_PARALLEL_H
#define C2_PARALLEL_H

#include <stddef.h>
#include <stdint.h>

#include "shim.h"

/* Does the parts [first, last) of a job; `thread` counts from 0. */
typedef void (*c2_part)(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread);

/* Splits `count` parts among at most `threads` threads, with at least `grain` of them for each. */
void c2_parallel(c2_part part, const void *context, void *const *buffers, ptrdiff_t count, ptrdiff_t grain, int threads);

#endif
