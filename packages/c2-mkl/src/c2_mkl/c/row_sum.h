/* Sums over rows, in lanes. */
#ifndef C2_ROW_SUM_H
#define C2_ROW_SUM_H

#include "parallel.h"

enum { SUM_LANES = 32, SUM_BLOCK = 2048 };

/* A sum over a row of what `term` makes of element i; goes on in double after each block. */
#define ROW_SUM(name, arguments, term)                                                                                  \
    static double name arguments                                                                                        \
    {                                                                                                                   \
        double total = 0;                                                                                               \
        for (ptrdiff_t at = 0; at < n; at += SUM_BLOCK) {                                                                   \
            float lanes[SUM_LANES] = {0}, sum = 0;                                                                          \
            ptrdiff_t start = at, end = n - at < SUM_BLOCK ? n : at + SUM_BLOCK;                                                \
            for (; start + SUM_LANES <= end; start += SUM_LANES)                                                                \
                for (int k = 0; k < SUM_LANES; ++k) {                                                                       \
                    ptrdiff_t i = start + k;                                                                            \
                    lanes[k] += (term);                                                                                 \
                }                                                                                                       \
            for (ptrdiff_t i = start; i < end; ++i)                                                                     \
                sum += (term);                                                                                          \
            for (int k = 0; k < SUM_LANES; ++k)                                                                             \
                sum += lanes[k];                                                                                        \
            total += sum;                                                                                               \
        }                                                                                                               \
        return total;                                                                                                   \
    }

#endif
