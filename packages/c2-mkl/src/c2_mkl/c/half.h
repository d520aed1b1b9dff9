/* One number of half precision at a time, by its bits. */
#ifndef C2_HALF_H
#define C2_HALF_H

#include <stdint.h>
#include <string.h>

static inline __attribute__((always_inline)) float float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline __attribute__((always_inline)) uint32_t bits_of_float(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* The exponent's bias goes from 15 to 127 by a product, which makes subnormal numbers right too. */
static inline __attribute__((always_inline)) float float_of_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, rest = (uint32_t)(half & 0x7fff) << 13;
    float x = float_of_bits(rest) * 0x1p112f;
    uint32_t bits = bits_of_float(x) | (rest >= 0x7c00u << 13 ? 0x7f800000u : 0);
    return float_of_bits(bits | sign);
}

/* To the nearest, ties to even. Below 2^-14 the sum with 0.5 leaves the rounded fraction in the lowest bits. */
static inline __attribute__((always_inline)) uint16_t half_of_float(float x)
{
    uint32_t bits = bits_of_float(x), sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff, half;
    uint32_t small = bits_of_float(float_of_bits(rest) + 0.5f) - 0x3f000000;
    uint32_t usual = (rest - 0x38000000 + 0xfff + (rest >> 13 & 1)) >> 13;
    half = rest < 0x38800000 ? small : rest < 0x477ff000 ? usual : rest > 0x7f800000 ? 0x7e00 : 0x7c00;
    return (uint16_t)(sign | half);
}

#endif
