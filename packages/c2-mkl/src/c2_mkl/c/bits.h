/* Random bits in chunks, each from a state of its own that seed and position give: so the number of threads does not
 * matter. xoshiro128++ (Blackman & Vigna, 2021) in 32 lanes.
 */
#ifndef C2_BITS_H
#define C2_BITS_H

#include "parallel.h"

enum { LANES = 32, CHUNK = 4096, ROWS = CHUNK / LANES };

/* splitmix64 (Steele, Lea & Flood, 2014): spreads any number over 64 bits. */
static inline uint64_t spread(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static inline __attribute__((always_inline)) uint32_t turned(uint32_t x, int by)
{
    return x << by | x >> (32 - by);
}

static void bits_of_chunk(uint64_t seed, ptrdiff_t chunk, uint32_t *bits)
{
    uint32_t s[4][LANES];
    uint64_t state = seed + (uint64_t)chunk * 0xD1342543DE82EF95u;
    for (int k = 0; k < 4; ++k)
        for (int l = 0; l < LANES; ++l)
            s[k][l] = (uint32_t)(spread(&state) >> 32);
    for (int row = 0; row < ROWS; ++row)
#pragma GCC unroll 1 /* a loop over lanes becomes vectors, the same written out does not */
        for (int l = 0; l < LANES; ++l) {
            uint32_t a = s[0][l], b = s[1][l], c = s[2][l], d = s[3][l];
            bits[row * LANES + l] = turned(a + d, 7) + a;
            uint32_t t = b << 9;
            c ^= a, d ^= b, b ^= c, a ^= d, c ^= t;
            s[0][l] = a, s[1][l] = b, s[2][l] = c, s[3][l] = turned(d, 11);
        }
}

#endif
