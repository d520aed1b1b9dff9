/* Gradients of activations, element by element, and sums over what was stretched. */
#include "parallel.h"

enum { GRAIN = 32768, LANES = 16 };

#define SLOPE(name, formula)                                                                                            \
    C2_CLONES static void name(const float *Y, const float *dY, float *dX, ptrdiff_t n, float alpha, float beta)        \
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

typedef void (*slope)(const float *, const float *, float *, ptrdiff_t, float, float);

static void slope_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    static const slope table[] = {relu, leaky_relu, clip, sigmoid, hyperbolic, elu};
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
