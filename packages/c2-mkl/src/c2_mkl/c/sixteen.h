/* Sixteen floats at once: one register of AVX-512, several of smaller ones. */
#ifndef C2_SIXTEEN_H
#define C2_SIXTEEN_H

#include <stdint.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wpsabi" /* no such vector is passed: the functions are inlined */

enum { LANES = 16 };
typedef float lanes __attribute__((vector_size(64)));
typedef int32_t lane_bits __attribute__((vector_size(64)));

#define LANE_FUNCTION static inline __attribute__((always_inline))

LANE_FUNCTION lanes lanes_at(const float *p)
{
    lanes v;
    memcpy(&v, p, sizeof v);
    return v;
}

LANE_FUNCTION void put_lanes(float *p, lanes v)
{
    memcpy(p, &v, sizeof v);
}

/* v where the comparison was true, else 0. */
LANE_FUNCTION lanes lanes_where(lane_bits is_true, lanes v)
{
    return (lanes)((lane_bits)v & is_true);
}

#endif
