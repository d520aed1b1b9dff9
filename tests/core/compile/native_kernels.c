/* Small native kernels that prove the contract of c2.compile.native: int run(void *context, void *const *buffers). */
#include <stddef.h>

typedef struct { ptrdiff_t n; } elementwise;
typedef struct { ptrdiff_t m, n, k; int relu; } dense;

int relu(void *context, void *const *buffers)
{
    const elementwise *c = context;
    const float *x = buffers[0];
    float *y = buffers[1];
    for (ptrdiff_t i = 0; i < c->n; ++i)
        y[i] = x[i] > 0 ? x[i] : 0;
    return 0;
}

int add(void *context, void *const *buffers)
{
    const elementwise *c = context;
    const float *a = buffers[0], *b = buffers[1];
    float *y = buffers[2];
    for (ptrdiff_t i = 0; i < c->n; ++i)
        y[i] = a[i] + b[i];
    return 0;
}

/* Y = X W^T + b, with W transposed into scratch memory first, and a fused Relu. */
int fc(void *context, void *const *buffers)
{
    const dense *c = context;
    const float *x = buffers[0], *w = buffers[1], *b = buffers[2];
    float *y = buffers[3], *turned = buffers[4];
    for (ptrdiff_t j = 0; j < c->n; ++j)
        for (ptrdiff_t p = 0; p < c->k; ++p)
            turned[p * c->n + j] = w[j * c->k + p];
    for (ptrdiff_t i = 0; i < c->m; ++i)
        for (ptrdiff_t j = 0; j < c->n; ++j) {
            float sum = b[j];
            for (ptrdiff_t p = 0; p < c->k; ++p)
                sum += x[i * c->k + p] * turned[p * c->n + j];
            y[i * c->n + j] = c->relu && sum < 0 ? 0 : sum;
        }
    return 0;
}

/* Y = max(X, 0) (plus a second input where there is one), after a wait of so many turns. */
typedef struct { ptrdiff_t n, turns; int inputs; } patient;

int waits(void *context, void *const *buffers)
{
    const patient *c = context;
    const float *x = buffers[0], *more = c->inputs > 1 ? buffers[1] : NULL;
    float *y = buffers[c->inputs];
    for (volatile ptrdiff_t k = 0; k < c->turns; ++k)
        ;
    for (ptrdiff_t i = 0; i < c->n; ++i)
        y[i] = (x[i] > 0 ? x[i] : 0) + (more ? more[i] : 0);
    return 0;
}

int fails(void *context, void *const *buffers)
{
    (void)context;
    (void)buffers;
    return 7;
}
