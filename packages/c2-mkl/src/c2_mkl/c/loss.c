/* Losses, their gradients, and accuracy: rows of scores with a label each. */
#include "dot.h"
#include "exponential.h"
#include "parallel.h"

#include <math.h>

static inline int64_t label_of(const c2_labelled *c, const void *labels, ptrdiff_t row)
{
    return c->wide_labels ? ((const int64_t *)labels)[row] : ((const int32_t *)labels)[row];
}

/* 0, or the code that says that a label is no class. */
static int check(const c2_labelled *c, const void *labels)
{
    for (ptrdiff_t r = 0; r < c->rows; ++r) {
        int64_t label = label_of(c, labels, r);
        if (label < 0 || label >= c->columns)
            return C2_BAD_LABEL;
    }
    return 0;
}

/* -- Softmax's gradient. Buffers: Y, dY, dX. */

static void softmax_slope(const float *Y, const float *dY, float mean, float *dX, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        dX[i] = Y[i] * (dY[i] - mean);
}

static void softmax_gradient_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_softmax *c = context;
    ptrdiff_t n = c->columns;
    (void)thread;
    for (ptrdiff_t r = first; r < last; ++r) {
        const float *Y = (const float *)buffers[0] + r * n, *dY = (const float *)buffers[1] + r * n;
        softmax_slope(Y, dY, dot(Y, dY, n), (float *)buffers[2] + r * n, n);
    }
}

int c2_run_softmax_gradient(void *context, void *const *buffers)
{
    const c2_softmax *c = context;
    c2_parallel(softmax_gradient_part, c, buffers, c->rows, 1 + 16384 / c->columns, c->threads);
    return 0;
}

/* -- LabelCrossEntropy. Buffers: X, labels, Y; of the gradient X, labels, dY, dX. */

static inline float probability(float p)
{
    return p > 1e-20f || p != p ? p : 1e-20f;
}

int c2_run_label_cross_entropy(void *context, void *const *buffers)
{
    const c2_labelled *c = context;
    const float *X = buffers[0];
    float *Y = buffers[2];
    int code = check(c, buffers[1]);
    for (ptrdiff_t r = 0; r < c->rows && !code; ++r)
        Y[r] = -logf(probability(X[r * c->columns + label_of(c, buffers[1], r)]));
    return code;
}

int c2_run_label_cross_entropy_gradient(void *context, void *const *buffers)
{
    const c2_labelled *c = context;
    const float *X = buffers[0], *dY = buffers[2];
    float *dX = buffers[3];
    int code = check(c, buffers[1]);
    for (ptrdiff_t r = 0; r < c->rows && !code; ++r) {
        ptrdiff_t at = r * c->columns + label_of(c, buffers[1], r);
        for (ptrdiff_t k = 0; k < c->columns; ++k)
            dX[r * c->columns + k] = 0;
        dX[at] = -dY[r] / probability(X[at]);
    }
    return code;
}

/* -- SoftmaxWithLoss. Buffers: logits, labels, with `weighted` weights; softmax, loss. */

static float shifted_exponentials(const float *X, float shift, float *Y, ptrdiff_t n)
{
    float sum = 0;
    for (ptrdiff_t i = 0; i < n; ++i)
        Y[i] = exponential(X[i] - shift);
    for (ptrdiff_t i = 0; i < n; ++i)
        sum += Y[i];
    return sum;
}

static float largest(const float *X, ptrdiff_t n)
{
    float best = X[0];
    for (ptrdiff_t i = 1; i < n; ++i)
        best = X[i] > best || X[i] != X[i] ? X[i] : best;
    return best;
}

static void times(float *Y, float by, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        Y[i] *= by;
}

int c2_run_softmax_with_loss(void *context, void *const *buffers)
{
    const c2_labelled *c = context;
    const float *weights = c->weighted ? buffers[2] : NULL;
    float *P = buffers[2 + c->weighted];
    double loss = 0, total = 0;
    int code = check(c, buffers[1]);
    for (ptrdiff_t r = 0; r < c->rows && !code; ++r) {
        const float *x = (const float *)buffers[0] + r * c->columns;
        float *p = P + r * c->columns, most = largest(x, c->columns);
        float sum = shifted_exponentials(x, most, p, c->columns);
        times(p, 1 / sum, c->columns);
        double own = log(sum) - (x[label_of(c, buffers[1], r)] - most), w = weights ? weights[r] : 1;
        loss += w * own;
        total += w;
    }
    double by = c->by_batch || !weights ? (double)c->rows : total;
    *(float *)buffers[3 + c->weighted] = by == 0 ? 0 : (float)(c->scale * loss / by);
    return code;
}

/* Buffers: logits, labels, with `weighted` weights; softmax, dloss; dX. */
int c2_run_softmax_with_loss_gradient(void *context, void *const *buffers)
{
    const c2_labelled *c = context;
    const float *weights = c->weighted ? buffers[2] : NULL, *P = buffers[2 + c->weighted];
    float *dX = buffers[4 + c->weighted], dloss = *(const float *)buffers[3 + c->weighted];
    double total = 0;
    int code = check(c, buffers[1]);
    for (ptrdiff_t r = 0; weights && r < c->rows; ++r)
        total += weights[r];
    double by = c->by_batch || !weights ? (double)c->rows : total;
    float factor = weights && !(total > 0) ? 1 : (float)(dloss * (double)c->scale / by);
    for (ptrdiff_t r = 0; r < c->rows && !code; ++r) {
        float *dx = dX + r * c->columns, own = weights ? weights[r] * factor : factor;
        ptrdiff_t label = label_of(c, buffers[1], r);
        for (ptrdiff_t k = 0; k < c->columns; ++k)
            dx[k] = (P[r * c->columns + k] - (k == label ? 1 : 0)) * own;
    }
    return code;
}

/* -- AveragedLoss. Buffers: X, Y; of the gradient X, dY, dX. */

int c2_run_averaged(void *context, void *const *buffers)
{
    const c2_averaged *c = context;
    const float *X = buffers[0];
    double sum = 0;
    for (ptrdiff_t i = 0; i < c->n; ++i)
        sum += X[i];
    *(float *)buffers[1] = (float)(sum / (double)c->n);
    return 0;
}

int c2_run_averaged_gradient(void *context, void *const *buffers)
{
    const c2_averaged *c = context;
    float *dX = buffers[2], share = *(const float *)buffers[1] / (float)c->n;
    for (ptrdiff_t i = 0; i < c->n; ++i)
        dX[i] = share;
    return 0;
}

/* -- Accuracy: how many labels are among the `top` of their row. Buffers: predictions, labels, accuracy. */

int c2_run_accuracy(void *context, void *const *buffers)
{
    const c2_labelled *c = context;
    ptrdiff_t right = 0;
    int code = check(c, buffers[1]);
    for (ptrdiff_t r = 0; r < c->rows && !code; ++r) {
        const float *x = (const float *)buffers[0] + r * c->columns;
        ptrdiff_t label = label_of(c, buffers[1], r), ahead = 0;
        for (ptrdiff_t k = 0; k < c->columns; ++k)
            ahead += x[k] > x[label] || (x[k] == x[label] && k < label);
        right += ahead < c->top;
    }
    *(float *)buffers[2] = (float)right / (float)c->rows;
    return code;
}

/* -- one value everywhere. Buffers: Y. */

int c2_run_fill(void *context, void *const *buffers)
{
    const c2_fill *c = context;
    float *Y = buffers[c->buffer];
    for (ptrdiff_t i = 0; i < c->n; ++i)
        Y[i] = c->value;
    return 0;
}
