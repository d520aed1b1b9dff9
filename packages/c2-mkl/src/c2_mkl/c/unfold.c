/* Gradients of sums and extremes over axes: each element gets back what its result got, by what it is. */
#include "parallel.h"

enum { GRAIN = 32768 };

static inline __attribute__((always_inline)) float sign_of(float x)
{
    return x > 0 ? 1.0f : x < 0 ? -1.0f : x - x; /* NaN stays NaN */
}

/* `name`: one result for the whole row; `name`_each: one result for each element. */
#define UNFOLD(name, formula)                                                                                           \
    static void name(const float *dY, const float *X, const float *Y, float *dX, ptrdiff_t n, float factor)             \
    {                                                                                                                   \
        float dy = dY[0], y = Y[0];                                                                                     \
        (void)X, (void)y, (void)factor;                                                                                 \
        for (ptrdiff_t i = 0; i < n; ++i)                                                                               \
            dX[i] = (formula);                                                                                          \
    }                                                                                                                   \
    static void name##_each(                                                                                            \
        const float *dY, const float *X, const float *Y, float *dX, ptrdiff_t n, float factor)                          \
    {                                                                                                                   \
        (void)X, (void)Y, (void)factor;                                                                                 \
        for (ptrdiff_t i = 0; i < n; ++i) {                                                                             \
            float dy = dY[i], y = Y[i];                                                                                 \
            (void)y;                                                                                                    \
            dX[i] = (formula);                                                                                          \
        }                                                                                                               \
    }

UNFOLD(sum, dy * factor)
UNFOLD(magnitude, sign_of(X[i]) * dy)
UNFOLD(root, X[i] * (dy / (y == 0 ? 1.0f : y)) + (y == 0 ? dy : 0.0f))
UNFOLD(extreme, dy * (X[i] == y ? 1.0f : 0.0f))

typedef void (*unfold)(const float *, const float *, const float *, float *, ptrdiff_t, float);

/* One part is a row of the last two axes for a place of the first two, or for columns a row of the kept axis. */
static void unfold_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    static const unfold whole[] = {sum, magnitude, root, extreme, extreme};
    static const unfold each[] = {sum_each, magnitude_each, root_each, extreme_each, extreme_each};
    const c2_fold *c = context;
    ptrdiff_t kept = c->kept[1], n = c->folded[1];
    (void)thread;
    for (ptrdiff_t p = first; p < last; ++p) {
        ptrdiff_t result = p / c->folded[0] * kept;
        const float *dY = (const float *)buffers[0] + result, *Y = (const float *)buffers[2] + result;
        const float *X = (const float *)buffers[1] + p * kept * n;
        float *dX = (float *)buffers[3] + p * kept * n;
        if (n == 1)
            each[c->kind](dY, X, Y, dX, kept, c->factor);
        else
            for (ptrdiff_t k = 0; k < kept; ++k)
                whole[c->kind](dY + k, X + k * n, Y + k, dX + k * n, n, c->factor);
    }
}

int c2_run_unfold(void *context, void *const *buffers)
{
    const c2_fold *c = context;
    ptrdiff_t rows = c->kept[0] * c->folded[0], size = c->kept[1] * c->folded[1];
    c2_parallel(unfold_part, c, buffers, rows, 1 + GRAIN / size, c->threads);
    return 0;
}
