/* Rows brought to mean 0 and variance 1, and back: layer, group and instance normalization.
 *
 * Row r has D channels of P neighbours each; its channel d has factor and shift number r % groups * D + d. Layer
 * normalization has P = 1 and one group, so that each element of a row has its own.
 */
#include "row_sum.h"

enum { STRIP = 64, GRAIN = 16384 };

ROW_SUM(sum_of, (const float *X, ptrdiff_t n), X[i])
ROW_SUM(squares_around, (const float *X, float mean, ptrdiff_t n), (X[i] - mean) * (X[i] - mean))
ROW_SUM(sum_of_scaled, (const float *X, const float *g, ptrdiff_t n), X[i] * g[i])
ROW_SUM(sum_around, (const float *dY, const float *X, float mean, ptrdiff_t n), dY[i] * (X[i] - mean))
ROW_SUM(
    sum_around_scaled, (const float *dY, const float *g, const float *X, float mean, ptrdiff_t n),
    dY[i] * g[i] * (X[i] - mean))

static void affine(const float *X, float factor, float shift, float *Y, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        Y[i] = X[i] * factor + shift;
}

static void standardized(const float *X, float mean, float r, const float *g, const float *b, float *Y, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        Y[i] = (X[i] - mean) * r * g[i] + b[i];
}

static void norm_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_row_norm *c = context;
    const float *gamma = buffers[1], *beta = buffers[2];
    ptrdiff_t D = c->channels, P = c->positions, n = D * P;
    (void)thread;
    for (ptrdiff_t row = first; row < last; ++row) {
        const float *x = (const float *)buffers[0] + row * n;
        float *y = (float *)buffers[3] + row * n, mean = (float)(sum_of(x, n) / (double)n);
        float variance = (float)(squares_around(x, mean, n) / (double)n), r = 1.0f / __builtin_sqrtf(variance + c->epsilon);
        ptrdiff_t own = row % c->groups * D;
        if (!c->affine)
            affine(x, r, -mean * r, y, n);
        else if (P == 1)
            standardized(x, mean, r, gamma + own, beta + own, y, n);
        else
            for (ptrdiff_t d = 0; d < D; ++d) {
                float factor = r * gamma[own + d];
                affine(x + d * P, factor, beta[own + d] - mean * factor, y + d * P, P);
            }
        if (c->gives_moments) {
            ((float *)buffers[4])[row] = mean;
            ((float *)buffers[5])[row] = c->inverse ? r : __builtin_sqrtf(variance + c->epsilon);
        }
    }
}

/* Buffers: X, gamma, beta, Y, and with `gives_moments` mean and deviation, or its inverse. */
int c2_run_row_norm(void *context, void *const *buffers)
{
    const c2_row_norm *c = context;
    c2_parallel(norm_part, c, buffers, c->rows, 1 + GRAIN / (c->channels * c->positions), c->threads);
    return 0;
}

/* -- gradient. Buffers: X, gamma, dY, mean, deviation, dX, dgamma, dbeta. dX = dY gamma r - Z * along - level. */

static void back(
    const float *dY, const float *X, float factor, float mean, float along, float level, float *dX, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        dX[i] = dY[i] * factor - (X[i] - mean) * along - level;
}

static void back_scaled(
    const float *dY, const float *X, const float *g, float r, float mean, float along, float level, float *dX, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        dX[i] = dY[i] * g[i] * r - (X[i] - mean) * along - level;
}

static float inverse_of(const c2_row_norm *c, void *const *buffers, ptrdiff_t row)
{
    float deviation = ((const float *)buffers[4])[row];
    return c->inverse ? deviation : 1.0f / deviation;
}

static void row_gradient(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_row_norm *c = context;
    const float *gamma = buffers[1], *means = buffers[3];
    ptrdiff_t D = c->channels, P = c->positions, n = D * P;
    (void)thread;
    for (ptrdiff_t row = first; row < last; ++row) {
        const float *x = (const float *)buffers[0] + row * n, *dy = (const float *)buffers[2] + row * n;
        const float *g = gamma + row % c->groups * D;
        float *dx = (float *)buffers[5] + row * n, mean = means[row], r = inverse_of(c, buffers, row);
        double level = 0, along = 0;
        if (!c->affine) {
            level = sum_of(dy, n);
            along = sum_around(dy, x, mean, n);
        } else if (P == 1) {
            level = sum_of_scaled(dy, g, n);
            along = sum_around_scaled(dy, g, x, mean, n);
        } else
            for (ptrdiff_t d = 0; d < D; ++d) {
                level += g[d] * sum_of(dy + d * P, P);
                along += g[d] * sum_around(dy + d * P, x + d * P, mean, P);
            }
        float down = (float)(level / (double)n * r), tilt = (float)(along / (double)n * r * r * r);
        if (!c->affine)
            back(dy, x, r, mean, tilt, down, dx, n);
        else if (P == 1)
            back_scaled(dy, x, g, r, mean, tilt, down, dx, n);
        else
            for (ptrdiff_t d = 0; d < D; ++d)
                back(dy + d * P, x + d * P, r * g[d], mean, tilt, down, dx + d * P, P);
    }
}

/* P = 1: a strip of columns of X and dY over all rows of a group. */
static void column_sums(
    const float *X, const float *dY, const float *means, const float *inverses, ptrdiff_t rows, ptrdiff_t stride,
    ptrdiff_t width, double *dgamma, double *dbeta)
{
    enum { ROWS = 128 };
    for (ptrdiff_t at = 0; at < rows; at += ROWS) {
        float scaled[STRIP] = {0}, plain[STRIP] = {0};
        ptrdiff_t end = rows - at < ROWS ? rows : at + ROWS;
        for (ptrdiff_t row = at; row < end; ++row)
            for (ptrdiff_t k = 0; k < width; ++k) {
                float dy = dY[row * stride + k];
                plain[k] += dy;
                scaled[k] += dy * ((X[row * stride + k] - means[row]) * inverses[row]);
            }
        for (ptrdiff_t k = 0; k < width; ++k) {
            dgamma[k] += scaled[k];
            dbeta[k] += plain[k];
        }
    }
}

static void column_gradient(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_row_norm *c = context;
    ptrdiff_t n = c->channels;
    (void)thread;
    for (ptrdiff_t strip = first; strip < last; ++strip) {
        ptrdiff_t start = strip * STRIP, width = n - start < STRIP ? n - start : STRIP;
        double dgamma[STRIP] = {0}, dbeta[STRIP] = {0};
        column_sums(
            (const float *)buffers[0] + start, (const float *)buffers[2] + start, buffers[3], buffers[8], c->rows, n, width,
            dgamma, dbeta);
        for (ptrdiff_t k = 0; k < width; ++k) {
            ((float *)buffers[6])[start + k] = (float)dgamma[k];
            ((float *)buffers[7])[start + k] = (float)dbeta[k];
        }
    }
}

static void channel_gradient(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_row_norm *c = context;
    const float *means = buffers[3];
    ptrdiff_t D = c->channels, P = c->positions;
    (void)thread;
    for (ptrdiff_t channel = first; channel < last; ++channel) {
        double dgamma = 0, dbeta = 0;
        for (ptrdiff_t row = channel / D; row < c->rows; row += c->groups) {
            ptrdiff_t at = (row * D + channel % D) * P;
            const float *x = (const float *)buffers[0] + at, *dy = (const float *)buffers[2] + at;
            dgamma += sum_around(dy, x, means[row], P) * inverse_of(c, buffers, row);
            dbeta += sum_of(dy, P);
        }
        ((float *)buffers[6])[channel] = (float)dgamma;
        ((float *)buffers[7])[channel] = (float)dbeta;
    }
}

/* Scratch (the last buffer): a float per row. */
int c2_run_row_norm_gradient(void *context, void *const *buffers)
{
    const c2_row_norm *c = context;
    ptrdiff_t n = c->channels * c->positions;
    c2_parallel(row_gradient, c, buffers, c->rows, 1 + GRAIN / n, c->threads);
    if (!c->affine)
        return 0;
    if (c->positions == 1 && c->groups == 1) {
        for (ptrdiff_t row = 0; row < c->rows; ++row)
            ((float *)buffers[8])[row] = inverse_of(c, buffers, row);
        c2_parallel(column_gradient, c, buffers, (n + STRIP - 1) / STRIP, 1 + GRAIN / (c->rows * STRIP), c->threads);
    } else {
        ptrdiff_t each = c->rows / c->groups * c->positions;
        c2_parallel(channel_gradient, c, buffers, c->groups * c->channels, 1 + GRAIN / each, c->threads);
    }
    return 0;
}
