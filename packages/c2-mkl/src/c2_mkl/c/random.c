/* Random numbers: uniform ones, and normal ones by Box & Muller (1958). */
#include "bits.h"
#include "exponential.h"
#include "parallel.h"

#include <math.h>
#include <string.h>

/* [low, high): 24 bits of each number. */
static void uniform_chunk(const uint32_t *bits, float *Y, float low, float range)
{
    for (int i = 0; i < CHUNK; ++i)
        Y[i] = low + range * ((float)(int32_t)(bits[i] >> 8) * 0x1p-24f);
}

/* Two normal numbers from two of [0, 1): a radius and an angle. The angle is a quarter turn q and at most an eighth. */
static void normal_chunk(const uint32_t *bits, float *Y, float mean, float std)
{
    for (int i = 0; i < CHUNK / 2; ++i) {
        float u = ((float)(int32_t)(bits[i] >> 1) + 0.5f) * 0x1p-31f, turn = (float)(int32_t)(bits[i + CHUNK / 2] >> 8) * 0x1p-24f;
        float radius = std * sqrtf(-2.0f * logarithm(u));
        int32_t q = (int32_t)(turn * 4.0f + 0.5f);
        float x = (turn - (float)q * 0.25f) * 6.28318531f, z = x * x;
        float sine = x * (1.0f + z * (-1 / 6.0f + z * (1 / 120.0f + z * (-1 / 5040.0f))));
        float cosine = 1.0f + z * (-0.5f + z * (1 / 24.0f + z * (-1 / 720.0f + z * (1 / 40320.0f))));
        float along = q & 1 ? -sine : cosine, across = q & 1 ? cosine : sine;
        Y[i] = mean + radius * (q & 2 ? -along : along);
        Y[i + CHUNK / 2] = mean + radius * (q & 2 ? -across : across);
    }
}

static void random_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_random *c = context;
    uint32_t bits[CHUNK];
    float rest[CHUNK];
    (void)thread;
    for (ptrdiff_t chunk = first; chunk < last; ++chunk) {
        ptrdiff_t start = chunk * CHUNK, n = c->n - start < CHUNK ? c->n - start : CHUNK;
        float *Y = (float *)buffers[0] + start, *to = n == CHUNK ? Y : rest;
        bits_of_chunk(c->seed, chunk, bits);
        (c->normal ? normal_chunk : uniform_chunk)(bits, to, c->a, c->b);
        if (to == rest)
            memcpy(Y, rest, (size_t)n * sizeof *Y);
    }
}

int c2_run_random(void *context, void *const *buffers)
{
    const c2_random *c = context;
    c2_parallel(random_part, c, buffers, (c->n + CHUNK - 1) / CHUNK, 16, c->threads);
    return 0;
}
