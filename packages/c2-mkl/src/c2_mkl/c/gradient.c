/* Gradients of activations and of arithmetic, element by element. */
#include "exponential.h"
#include "parallel.h"

enum { GRAIN = 32768 };

/* P + x P', with P' = 2 P (1 - P) times the derivative of what P is the logistic function of. */
static inline __attribute__((always_inline)) float fast_gelu_slope(float x)
{
    float p = fast_normal_probability(x), growth = 2.0f * ROOT_2_OVER_PI * (1.0f + 3.0f * GELU_CUBIC * x * x) * p;
    return p + x * (growth - growth * p);
}

#define SLOPE(name, formula)                                                                                            \
    static void name(const float *Y, const float *dY, float *dX, ptrdiff_t n, float alpha, float beta)                  \
    {                                                                                                                   \
        (void)alpha, (void)beta;                                                                                        \
        for (ptrdiff_t i = 0; i < n; ++i) {                                                                             \
            float y = Y[i];                                                                                             \
            dX[i] = dY[i] * (formula);                                                                                  \
        }                                                                                                               \
    }

SLOPE(relu, y > 0 ? 1.0f : 0.0f)
SLOPE(leaky_relu, y >= 0 ? 1.0f : alpha)
SLOPE(clip, y > alpha && y < beta ? 1.0f : 0.0f)
SLOPE(sigmoid, y * (1 - y))
SLOPE(hyperbolic, 1 - y * y)
SLOPE(elu, y >= 0 ? 1.0f : y + alpha)
SLOPE(hard_sigmoid, y > 0 && y < 1 ? alpha : 0.0f)
SLOPE(softplus, -exponential_less_one(-y))
SLOPE(gelu, normal_probability(y) + y * (exponential(-0.5f * y * y) * 0.398942280f))
SLOPE(fast_gelu, fast_gelu_slope(y))

static void swish(const float *X, const float *Y, const float *dY, float *dX, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        float s = logistic(X[i]), y = Y[i];
        dX[i] = dY[i] * (s - s * y + y);
    }
}

static void swish_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const float *X = buffers[0], *Y = buffers[1], *dY = buffers[2];
    (void)context, (void)thread;
    swish(X + first, Y + first, dY + first, (float *)buffers[3] + first, last - first);
}

int c2_run_swish_gradient(void *context, void *const *buffers)
{
    const c2_unary *c = context;
    c2_parallel(swish_part, c, buffers, c->n, GRAIN, c->threads);
    return 0;
}

typedef void (*slope)(const float *, const float *, float *, ptrdiff_t, float, float);

static void slope_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    static const slope table[] = {
        [C2_RELU] = relu, [C2_LEAKY_RELU] = leaky_relu, [C2_CLIP] = clip, [C2_SIGMOID] = sigmoid, [C2_TANH] = hyperbolic,
        [C2_ELU] = elu, [C2_HARD_SIGMOID] = hard_sigmoid, [C2_SOFTPLUS] = softplus, [C2_GELU] = gelu,
        [C2_FAST_GELU] = fast_gelu,
    };
    const c2_unary *c = context;
    const float *Y = buffers[0], *dY = buffers[1];
    (void)thread;
    table[c->kind](Y + first, dY + first, (float *)buffers[2] + first, last - first, c->alpha, c->beta);
}

int c2_run_slope(void *context, void *const *buffers)
{
    const c2_unary *c = context;
    c2_parallel(slope_part, c, buffers, c->n, GRAIN, c->threads);
    return 0;
}

/* -- two inputs of equal shapes. Either result may lie where dC does: all is read before anything is written. */

static void mul_gradient(const float *dC, const float *B, const float *A, float *dA, float *dB, ptrdiff_t n)
{
#pragma GCC ivdep
    for (ptrdiff_t i = 0; i < n; ++i) {
        float g = dC[i], a = A[i], b = B[i];
        dA[i] = g * b;
        dB[i] = g * a;
    }
}

static void div_gradient(const float *dC, const float *B, const float *C, float *dA, float *dB, ptrdiff_t n)
{
#pragma GCC ivdep
    for (ptrdiff_t i = 0; i < n; ++i) {
        float g = dC[i], b = B[i], c = C[i];
        dA[i] = g / b;
        dB[i] = -(g * c / b);
    }
}

static void pair_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_binary *c = context;
    const float *dC = buffers[0], *B = buffers[1], *other = buffers[2];
    float *dA = buffers[3], *dB = buffers[4];
    (void)thread;
    (c->kind == C2_MUL ? mul_gradient : div_gradient)(
        dC + first, B + first, other + first, dA + first, dB + first, last - first);
}

int c2_run_pair_gradient(void *context, void *const *buffers)
{
    const c2_binary *c = context;
    c2_parallel(pair_part, c, buffers, c->n, GRAIN, c->threads);
    return 0;
}
