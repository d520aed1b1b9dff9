/* The sum of products of two rows, added up in lanes. */
#ifndef C2_DOT_H
#define C2_DOT_H

#include "parallel.h"

static float dot(const float *A, const float *B, ptrdiff_t n)
{
    enum { PARTS = 16 };
    float lanes[PARTS] = {0}, sum = 0;
    ptrdiff_t i = 0;
    for (; i + PARTS <= n; i += PARTS)
        for (int k = 0; k < PARTS; ++k)
            lanes[k] += A[i + k] * B[i + k];
    for (; i < n; ++i)
        sum += A[i] * B[i];
    for (int k = 0; k < PARTS; ++k)
        sum += lanes[k];
    return sum;
}

#endif
