/* Element by element: NaN stays NaN, infinities and denormals are numbers like others. */
#include "exponential.h"
#include "parallel.h"

enum { GRAIN = 32768 }; /* elements: about what a thread does in the time it takes to wake one */

/* -- one input */

#define UNARY(name, formula)                                                                                            \
    static void name(const float *X, float *Y, ptrdiff_t n, float alpha, float beta)                                    \
    {                                                                                                                   \
        (void)alpha, (void)beta;                                                                                        \
        for (ptrdiff_t i = 0; i < n; ++i) {                                                                             \
            float x = X[i];                                                                                             \
            Y[i] = (formula);                                                                                           \
        }                                                                                                               \
    }

static inline __attribute__((always_inline)) float limited(float x, float low, float high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

UNARY(relu, x < 0 ? 0 : x)
UNARY(leaky_relu, x >= 0 ? x : alpha * x)
UNARY(clip, limited(x, alpha, beta))
UNARY(sigmoid, logistic(x))
UNARY(hyperbolic, hyperbolic_tangent(x))
UNARY(elu, x >= 0 ? x : alpha * exponential_less_one(x))
UNARY(swish, x * logistic(x))
UNARY(hard_sigmoid, limited(alpha * x + beta, 0, 1))
UNARY(softplus, soft_plus(x))
UNARY(gelu, x * normal_probability(x))
UNARY(fast_gelu, x * fast_normal_probability(x))
UNARY(scale, alpha * x)
UNARY(negative, -x)
UNARY(square, x * x)
UNARY(square_root, __builtin_sqrtf(x))
UNARY(absolute, __builtin_fabsf(x))
UNARY(reciprocal, 1.0f / x)
UNARY(cube, x * x * x)
UNARY(exponential_of, exponential(x))
UNARY(logarithm_of, logarithm_of_any(x))

typedef void (*unary)(const float *, float *, ptrdiff_t, float, float);

static unary unary_of(int kind)
{
    static const unary table[] = {
        relu, leaky_relu, clip, sigmoid, hyperbolic, elu, swish, hard_sigmoid, softplus, gelu,
        fast_gelu, scale, negative, square, square_root, absolute, reciprocal, cube, exponential_of, logarithm_of,
    };
    return table[kind];
}

static void unary_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_unary *c = context;
    (void)thread;
    unary_of(c->kind)((const float *)buffers[0] + first, (float *)buffers[1] + first, last - first, c->alpha, c->beta);
}

int c2_run_unary(void *context, void *const *buffers)
{
    const c2_unary *c = context;
    c2_parallel(unary_part, c, buffers, c->n, GRAIN, c->threads);
    return 0;
}

/* -- two inputs */

#define BINARY(name, op)                                                                                                \
    static void name(const float *A, const float *B, float *C, ptrdiff_t n)                                             \
    {                                                                                                                   \
        for (ptrdiff_t i = 0; i < n; ++i)                                                                               \
            C[i] = A[i] op B[i];                                                                                        \
    }                                                                                                                   \
    static void name##_number(const float *A, float b, float *C, ptrdiff_t n)                                           \
    {                                                                                                                   \
        for (ptrdiff_t i = 0; i < n; ++i)                                                                               \
            C[i] = A[i] op b;                                                                                           \
    }                                                                                                                   \
    static void name##_rows(const float *A, const float *b, float *C, ptrdiff_t rows, ptrdiff_t n)                      \
    {                                                                                                                   \
        for (ptrdiff_t r = 0; r < rows; ++r)                                                                            \
            for (ptrdiff_t i = 0; i < n; ++i)                                                                           \
                C[r * n + i] = A[r * n + i] op b[i];                                                                    \
    }

BINARY(add, +)
BINARY(sub, -)
BINARY(mul, *)
BINARY(divide, /)

typedef void (*binary)(const float *, const float *, float *, ptrdiff_t);
typedef void (*with_number)(const float *, float, float *, ptrdiff_t);
typedef void (*with_rows)(const float *, const float *, float *, ptrdiff_t, ptrdiff_t);

static void binary_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    static const binary table[] = {add, sub, mul, divide};
    const c2_binary *c = context;
    const float *A = buffers[0], *B = buffers[1];
    (void)thread;
    table[c->kind](A + first, B + first, (float *)buffers[2] + first, last - first);
}

int c2_run_binary(void *context, void *const *buffers)
{
    const c2_binary *c = context;
    c2_parallel(binary_part, c, buffers, c->n, GRAIN, c->threads);
    return 0;
}

static void sum_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    enum { STRIP = 4096 }; /* elements: the running sum stays in the first cache */
    const c2_sum *c = context;
    float *Y = buffers[c->count];
    (void)thread;
    for (ptrdiff_t at = first; at < last; at += STRIP) {
        ptrdiff_t n = last - at < STRIP ? last - at : STRIP;
        add((const float *)buffers[0] + at, (const float *)buffers[1] + at, Y + at, n);
        for (int k = 2; k < c->count; ++k)
            add(Y + at, (const float *)buffers[k] + at, Y + at, n);
    }
}

int c2_run_sum(void *context, void *const *buffers)
{
    const c2_sum *c = context;
    c2_parallel(sum_part, c, buffers, c->n, GRAIN, c->threads);
    return 0;
}

/* -- by channel */

static void by_channel_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    static const with_number numbers[] = {add_number, sub_number, mul_number, divide_number};
    static const with_rows rows[] = {add_rows, sub_rows, mul_rows, divide_rows};
    const c2_by_channel *c = context;
    const float *A = buffers[0], *b = buffers[1];
    float *C = buffers[2];
    ptrdiff_t size = c->positions * c->block, blocks = c->channels / c->block;
    (void)thread;
    for (ptrdiff_t p = first; p < last; ++p) {
        const float *own = b + p % blocks * c->block;
        if (c->block == 1)
            numbers[c->kind](A + p * size, *own, C + p * size, size);
        else
            rows[c->kind](A + p * size, own, C + p * size, c->positions, c->block);
    }
}

int c2_run_by_channel(void *context, void *const *buffers)
{
    const c2_by_channel *c = context;
    c2_parallel(by_channel_part, c, buffers, c->planes, 1 + GRAIN / (c->positions * c->block), c->threads);
    return 0;
}

static void affine_row(const float *X, float factor, float shift, float *Y, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        Y[i] = X[i] * factor + shift;
}

static void affine_rows(
    const float *X, const float *factor, const float *shift, float *Y, ptrdiff_t rows, ptrdiff_t n)
{
    for (ptrdiff_t r = 0; r < rows; ++r)
        for (ptrdiff_t i = 0; i < n; ++i)
            Y[r * n + i] = X[r * n + i] * factor[i] + shift[i];
}

static void normalize_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_normalize *c = context;
    const float *X = buffers[0], *factor = buffers[6], *shift = factor + c->channels;
    float *Y = buffers[5];
    ptrdiff_t size = c->positions * c->block, blocks = c->channels / c->block;
    (void)thread;
    for (ptrdiff_t p = first; p < last; ++p) {
        ptrdiff_t channel = p % blocks * c->block;
        if (c->block == 1)
            affine_row(X + p * size, factor[channel], shift[channel], Y + p * size, size);
        else
            affine_rows(X + p * size, factor + channel, shift + channel, Y + p * size, c->positions, c->block);
    }
}

int c2_run_normalize(void *context, void *const *buffers)
{
    const c2_normalize *c = context;
    const float *scale = buffers[1], *bias = buffers[2], *mean = buffers[3], *var = buffers[4];
    float *factor = buffers[6], *shift = factor + c->channels;
    for (ptrdiff_t k = 0; k < c->channels; ++k) {
        factor[k] = scale[k] / __builtin_sqrtf(var[k] + c->epsilon);
        shift[k] = bias[k] - mean[k] * factor[k];
    }
    c2_parallel(normalize_part, c, buffers, c->planes, 1 + GRAIN / (c->positions * c->block), c->threads);
    return 0;
}
