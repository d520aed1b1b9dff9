/* What optimizers do to parameters and their moments: every array is read and written once. */
#include "parallel.h"

#include <math.h>
#include <string.h>

enum { GRAIN = 16384 }; /* elements: a thread is worth waking for */

/* Any of the results may be the array it comes from: each element is read before it is written. */
#define LOOP for (ptrdiff_t i = first; i < last; ++i)

/* Buffers: grad, moment, lr, and with `update` param; step, new moment, new param. */
static void momentum(
    const c2_momentum *c, void *const *buffers, ptrdiff_t first, ptrdiff_t last)
{
    const float *grad = buffers[0], *moment = buffers[1], lr = *(const float *)buffers[2], mu = c->momentum;
    float *step = buffers[3 + c->update], *new_moment = buffers[4 + c->update];
    float now = 1 + mu;
    if (c->update) {
        const float *param = buffers[3];
        float *new_param = buffers[6];
        LOOP
        {
            float old = mu * moment[i], m = old + lr * grad[i], s = c->nesterov ? now * m - old : m;
            new_moment[i] = m;
            step[i] = s;
            new_param[i] = param[i] - s;
        }
    } else {
        LOOP
        {
            float old = mu * moment[i], m = old + lr * grad[i];
            new_moment[i] = m;
            step[i] = c->nesterov ? now * m - old : m;
        }
    }
}

static void momentum_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    (void)thread;
    momentum(context, buffers, first, last);
}

int c2_run_momentum(void *context, void *const *buffers)
{
    const c2_momentum *c = context;
    c2_parallel(momentum_part, c, buffers, c->n, GRAIN, c->threads);
    return 0;
}

/* Buffers: param, m, v, grad, lr, iter (int64), new param, new m, new v, and with `gives_step` the direction. */
static void adam(const c2_adam *c, void *const *buffers, float rate, ptrdiff_t first, ptrdiff_t last)
{
    const float *param = buffers[0], *m = buffers[1], *v = buffers[2], *grad = buffers[3], lr = *(const float *)buffers[4];
    float *new_param = buffers[6], *new_m = buffers[7], *new_v = buffers[8];
    float beta1 = c->beta1, beta2 = c->beta2, epsilon = c->epsilon;
    if (c->gives_step) {
        float *step = buffers[9];
        LOOP
        {
            float g = grad[i], mean = beta1 * m[i] + (1 - beta1) * g, square = beta2 * v[i] + (1 - beta2) * g * g;
            float d = rate * mean / (__builtin_sqrtf(square) + epsilon);
            new_m[i] = mean;
            new_v[i] = square;
            new_param[i] = param[i] + lr * d;
            step[i] = d;
        }
    } else {
        LOOP
        {
            float g = grad[i], mean = beta1 * m[i] + (1 - beta1) * g, square = beta2 * v[i] + (1 - beta2) * g * g;
            new_m[i] = mean;
            new_v[i] = square;
            new_param[i] = param[i] + lr * (rate * mean / (__builtin_sqrtf(square) + epsilon));
        }
    }
}

static void adam_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_adam *c = context;
    double t = (double)(*(const int64_t *)buffers[5] + 1);
    (void)thread;
    adam(c, buffers, (float)(sqrt(1 - pow(c->beta2, t)) / (1 - pow(c->beta1, t))), first, last);
}

int c2_run_adam(void *context, void *const *buffers)
{
    const c2_adam *c = context;
    c2_parallel(adam_part, c, buffers, c->n, GRAIN / 4, c->threads);
    return 0;
}

/* Buffers: param, moment, grad, lr, new param, new moment, and as far as `outputs` go effective rate and update. */
static void adagrad(const c2_dense_adagrad *c, void *const *buffers, ptrdiff_t first, ptrdiff_t last)
{
    const float *param = buffers[0], *h = buffers[1], *grad = buffers[2], lr = *(const float *)buffers[3];
    float *new_param = buffers[4], *new_h = buffers[5];
    float *effective = c->outputs > 2 ? buffers[6] : 0, *update = c->outputs > 3 ? buffers[7] : 0;
    float epsilon = c->epsilon, decay = c->decay, weight_decay = c->weight_decay;
    if (!effective) {
        LOOP
        {
            float g = grad[i] + weight_decay * param[i], square = decay * h[i] + g * g;
            new_h[i] = square;
            new_param[i] = param[i] + lr / (__builtin_sqrtf(square) + epsilon) * g;
        }
        return;
    }
    LOOP
    {
        float g = grad[i] + weight_decay * param[i], square = decay * h[i] + g * g;
        float rate = lr / (__builtin_sqrtf(square) + epsilon);
        new_h[i] = square;
        new_param[i] = param[i] + rate * g;
        effective[i] = rate;
        if (update)
            update[i] = rate * g;
    }
}

static void adagrad_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    (void)thread;
    adagrad(context, buffers, first, last);
}

int c2_run_dense_adagrad(void *context, void *const *buffers)
{
    const c2_dense_adagrad *c = context;
    c2_parallel(adagrad_part, c, buffers, c->n, GRAIN / 4, c->threads);
    return 0;
}

/* Buffers: grad, mean squares, mom, lr, step, new mean squares, new mom. */
static void rms_prop(const c2_rms_prop *c, void *const *buffers, ptrdiff_t first, ptrdiff_t last)
{
    const float *grad = buffers[0], *squares = buffers[1], *mom = buffers[2], lr = *(const float *)buffers[3];
    float *step = buffers[4], *new_squares = buffers[5], *new_mom = buffers[6];
    float decay = c->decay, mu = c->momentum, epsilon = c->epsilon;
    LOOP
    {
        float g = grad[i], square = squares[i] + (1 - decay) * (g * g - squares[i]);
        float m = mu * mom[i] + lr * g / __builtin_sqrtf(square + epsilon);
        new_squares[i] = square;
        new_mom[i] = m;
        step[i] = m;
    }
}

static void rms_prop_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    (void)thread;
    rms_prop(context, buffers, first, last);
}

int c2_run_rms_prop(void *context, void *const *buffers)
{
    const c2_rms_prop *c = context;
    c2_parallel(rms_prop_part, c, buffers, c->n, GRAIN / 4, c->threads);
    return 0;
}

/* Buffers: X0, w0, X1, w1, ..., Y. Y may be any X: a strip is written when it has been read from all of them. */
static void weighted(const c2_weighted_sum *c, void *const *buffers, ptrdiff_t first, ptrdiff_t last)
{
    enum { STRIP = 1024 };
    float *Y = buffers[2 * c->count], strip[STRIP];
    for (ptrdiff_t at = first; at < last; at += STRIP) {
        ptrdiff_t n = last - at < STRIP ? last - at : STRIP;
        const float *X = (const float *)buffers[0] + at, w = *(const float *)buffers[1];
        for (ptrdiff_t i = 0; i < n; ++i)
            strip[i] = w * X[i];
        for (int k = 1; k < c->count; ++k) {
            const float *more = (const float *)buffers[2 * k] + at, by = *(const float *)buffers[2 * k + 1];
            for (ptrdiff_t i = 0; i < n; ++i)
                strip[i] += by * more[i];
        }
        memcpy(Y + at, strip, (size_t)n * sizeof *Y);
    }
}

static void weighted_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    (void)thread;
    weighted(context, buffers, first, last);
}

int c2_run_weighted_sum(void *context, void *const *buffers)
{
    const c2_weighted_sum *c = context;
    c2_parallel(weighted_part, c, buffers, c->n, GRAIN, c->threads);
    return 0;
}
