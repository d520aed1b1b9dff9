/* Distances and losses that add up along rows, and their gradients. */
#include "exponential.h"
#include "row_sum.h"

enum { GRAIN = 8192 };

/* -- half the squared distance. Buffers: X, Y, Z, and for the gradient X, Y, dZ, dX, dY. */

ROW_SUM(square_distance, (const float *X, const float *Y, ptrdiff_t n), (X[i] - Y[i]) * (X[i] - Y[i]))

static void distance_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_row_loss *c = context;
    ptrdiff_t n = c->columns;
    (void)thread;
    for (ptrdiff_t r = first; r < last; ++r)
        ((float *)buffers[2])[r] =
            (float)(0.5 * square_distance((const float *)buffers[0] + r * n, (const float *)buffers[1] + r * n, n));
}

int c2_run_square_distance(void *context, void *const *buffers)
{
    const c2_row_loss *c = context;
    c2_parallel(distance_part, c, buffers, c->rows, 1 + GRAIN / c->columns, c->threads);
    return 0;
}

static void apart(const float *X, const float *Y, float dZ, float *dX, float *dY, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        float d = (X[i] - Y[i]) * dZ;
        dX[i] = d;
        dY[i] = -d;
    }
}

static void distance_gradient(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_row_loss *c = context;
    ptrdiff_t n = c->columns;
    (void)thread;
    for (ptrdiff_t r = first; r < last; ++r)
        apart(
            (const float *)buffers[0] + r * n, (const float *)buffers[1] + r * n, ((const float *)buffers[2])[r],
            (float *)buffers[3] + r * n, (float *)buffers[4] + r * n, n);
}

int c2_run_square_distance_gradient(void *context, void *const *buffers)
{
    const c2_row_loss *c = context;
    c2_parallel(distance_gradient, c, buffers, c->rows, 1 + GRAIN / c->columns, c->threads);
    return 0;
}

/* -- the cross entropy of a sigmoid. Buffers: x, t, weights, mean loss, scratch of a row per thread; and for the gradient
 * dL, x, t, weights, dX. */

#define LOSS(name, loss, slope)                                                                                         \
    static void name(const float *X, const float *T, float *Y, ptrdiff_t n)                                             \
    {                                                                                                                   \
        for (ptrdiff_t i = 0; i < n; ++i) {                                                                             \
            float x = X[i], t = T[i];                                                                                   \
            Y[i] = (loss);                                                                                              \
        }                                                                                                               \
    }                                                                                                                   \
    static void name##_slope(const float *X, const float *T, float factor, float *dX, ptrdiff_t n)                      \
    {                                                                                                                   \
        for (ptrdiff_t i = 0; i < n; ++i) {                                                                             \
            float x = X[i], t = T[i];                                                                                   \
            dX[i] = (slope)*factor;                                                                                     \
        }                                                                                                               \
    }

LOSS(plain, soft_plus(x) - x * t, logistic(x) - t)
LOSS(log_d, soft_plus(-x) * (2 * t - 1), logistic(-x) * (1 - 2 * t))
LOSS(unjoined, soft_plus(x) * (1 - t) - x * t, logistic(x) * (1 - t) - t)

static const struct {
    void (*loss)(const float *, const float *, float *, ptrdiff_t);
    void (*slope)(const float *, const float *, float, float *, ptrdiff_t);
} modes[] = {{plain, plain_slope}, {log_d, log_d_slope}, {unjoined, unjoined_slope}};

ROW_SUM(sum_of, (const float *X, ptrdiff_t n), X[i])
ROW_SUM(sum_of_products, (const float *A, const float *B, ptrdiff_t n), A[i] * B[i])

static void entropy_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_row_loss *c = context;
    ptrdiff_t n = c->columns;
    float *losses = (float *)buffers[4] + thread * n;
    for (ptrdiff_t r = first; r < last; ++r) {
        modes[c->mode].loss((const float *)buffers[0] + r * n, (const float *)buffers[1] + r * n, losses, n);
        double sum = c->weighted ? sum_of_products(losses, (const float *)buffers[2] + r * n, n) : sum_of(losses, n);
        ((float *)buffers[3])[r] = (float)(sum / (double)n);
    }
}

int c2_run_sigmoid_cross_entropy(void *context, void *const *buffers)
{
    const c2_row_loss *c = context;
    c2_parallel(entropy_part, c, buffers, c->rows, 1 + GRAIN / c->columns, c->threads);
    return 0;
}

static void weigh(const float *weights, float *dX, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        dX[i] *= weights[i];
}

static void entropy_gradient(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_row_loss *c = context;
    ptrdiff_t n = c->columns;
    (void)thread;
    for (ptrdiff_t r = first; r < last; ++r) {
        float *dX = (float *)buffers[4] + r * n, factor = ((const float *)buffers[0])[r] / (float)n;
        modes[c->mode].slope((const float *)buffers[1] + r * n, (const float *)buffers[2] + r * n, factor, dX, n);
        if (c->weighted)
            weigh((const float *)buffers[3] + r * n, dX, n);
    }
}

int c2_run_sigmoid_cross_entropy_gradient(void *context, void *const *buffers)
{
    const c2_row_loss *c = context;
    c2_parallel(entropy_gradient, c, buffers, c->rows, 1 + GRAIN / c->columns, c->threads);
    return 0;
}
