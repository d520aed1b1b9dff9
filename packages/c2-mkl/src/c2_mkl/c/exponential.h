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

/* e^x - 1, without cancellation near 0. */
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

/* log x for normal x > 0: x = 2^e m with m in [sqrt(1/2), sqrt(2)), log m = 2 artanh((m - 1) / (m + 1)). */
static inline __attribute__((always_inline)) float logarithm(float x)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    int32_t e = (bits - 0x3F3504F3) >> 23;
    bits -= e << 23;
    float m;
    memcpy(&m, &bits, sizeof m);
    float s = (m - 1.0f) / (m + 1.0f), z = s * s;
    float series = s * (2.0f + z * (2 / 3.0f + z * (2 / 5.0f + z * (2 / 7.0f + z * (2 / 9.0f)))));
    return (float)e * 0.693147181f + series;
}

/* log x for any x: minus infinity at 0, NaN below. */
static inline __attribute__((always_inline)) float logarithm_of_any(float x)
{
    int tiny = x < 0x1p-126f;
    float y = logarithm(tiny ? x * 0x1p23f : x) - (tiny ? 23 * 0.693147181f : 0.0f);
    y = x < __builtin_inff() ? y : x; /* infinity and NaN */
    return x > 0 ? y : (x == 0 ? -__builtin_inff() : x - x + __builtin_nanf(""));
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|); log(1 + e) = 2 artanh(e / (2 + e)), whose argument is at most 1/3. */
static inline __attribute__((always_inline)) float soft_plus(float x)
{
    float e = exponential(x < 0 ? x : -x), s = e / (2.0f + e), z = s * s;
    float series = 1.0f + z * (1 / 3.0f + z * (1 / 5.0f + z * (1 / 7.0f + z * (1 / 9.0f + z * (1 / 11.0f + z * (1 / 13.0f))))));
    return 2.0f * s * series + (x < 0 ? 0.0f : x);
}

/* P(N <= x) of a normal N, without cancellation: the logistic function of 2 artanh(erf(x / sqrt 2)), for which c2-core
 * has a rational approximation. */
static inline __attribute__((always_inline)) float normal_probability(float x)
{
    float t = x * 0.707106781f;
    t = t < -1000.0f ? -1000.0f : t;
    t = t > 1000.0f ? 1000.0f : t;
    float z = t * t;
    float p = 1.128379170937658f + z * (0.27980314229438347f + z * (0.042644946829976015f + z * 0.002178127184040263f));
    float q = 1.0f + z * (0.15688931094074024f + z * (0.023688796761397953f + z * 0.0003248907741678348f));
    return logistic(2.0f * t * p / q);
}

#define ROOT_2_OVER_PI 0.797884561f
#define GELU_CUBIC 0.044715f

/* The same by Hendrycks & Gimpel's approximation. */
static inline __attribute__((always_inline)) float fast_normal_probability(float x)
{
    return logistic(2.0f * ((x * x * GELU_CUBIC + 1.0f) * x * ROOT_2_OVER_PI));
}

#endif
