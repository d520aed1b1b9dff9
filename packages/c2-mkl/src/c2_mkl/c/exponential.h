/* exp and its relatives for vectors: no branch, no table, so that the compiler vectorises the loops that use them. */
#ifndef C2_EXPONENTIAL_H
#define C2_EXPONENTIAL_H

#include <stdint.h>
#include <string.h>

static inline __attribute__((always_inline)) float power_of_two(int n)
{
    uint32_t bits = (uint32_t)(n + 127) << 23;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* x = n log 2 + r with |r| <= log(2) / 2; n stays in [-152, 129]; NaN stays in r. */
static inline __attribute__((always_inline)) float reduced(float x, int *n)
{
    x = x > 89.0f ? 89.0f : x;
    x = x < -105.0f ? -105.0f : x;
    float scaled = x * 1.44269504f;
    float whole = __builtin_rintf(scaled == scaled ? scaled : 0.0f);
    *n = (int)whole;
    return (x - whole * 0.693359375f) + whole * 2.12194440e-4f; /* log 2 in two parts (Cody & Waite, 1980) */
}

/* (e^r - 1 - r) / r^2 by its Taylor series: the error is below 1e-8 for |r| <= log(2) / 2. */
static inline __attribute__((always_inline)) float tail_of_exp(float r)
{
    return 0.5f + r * (1 / 6.0f + r * (1 / 24.0f + r * (1 / 120.0f + r * (1 / 720.0f + r * (1 / 5040.0f)))));
}

/* e^x, with infinities, denormal results and NaN as they should be. */
static inline __attribute__((always_inline)) float exponential(float x)
{
    int n;
    float r = reduced(x, &n);
    float p = 1.0f + (r + r * r * tail_of_exp(r));
    int half = n >> 1;
    return p * power_of_two(half) * power_of_two(n - half);
}

/* e^x - 1 for x <= 0, without cancellation near 0. */
static inline __attribute__((always_inline)) float exponential_less_one(float x)
{
    int n;
    float r = reduced(x, &n);
    float near_zero = r + r * r * tail_of_exp(r);
    int half = n >> 1;
    float far = (1.0f + near_zero) * power_of_two(half) * power_of_two(n - half) - 1.0f;
    return n == 0 ? near_zero : far;
}

/* tanh: its odd Taylor-like polynomial near 0 (coefficients of Moshier's Cephes library), 1 - 2 / (e^2x + 1) elsewhere. */
static inline __attribute__((always_inline)) float hyperbolic_tangent(float x)
{
    float z = x * x, magnitude = x < 0 ? -x : x;
    float near_zero = x + x * z * (-0.33333282f + z * (0.13331442f + z * (-0.053739716f + z * (0.020639090f - z * 0.0057049888f))));
    float far = 1.0f - 2.0f / (exponential(2.0f * magnitude) + 1.0f);
    return magnitude < 0.625f ? near_zero : (x < 0 ? -far : far);
}

static inline __attribute__((always_inline)) float logistic(float x)
{
    return 1.0f / (1.0f + exponential(-x));
}

#endif
