/* Batch normalization in training, and its gradient: all of a few channels first, while they are in cache, then others. */
#include "sixteen.h"
#include "parallel.h"

#include <math.h>

enum { CHUNK = 512 }; /* positions summed in float32 before float64 takes over */

/* A few neighbouring channels of a batch: `rows` rows of `width` floats, `step` apart, in each of `images` images. */
typedef struct { ptrdiff_t images, image, rows, step, width; } few;

static few few_channels(const c2_batch_norm *c, ptrdiff_t part, ptrdiff_t *start)
{
    ptrdiff_t size = c->positions * c->block, blocks = c->channels / c->block;
    ptrdiff_t per_block = c->block == 1 ? 1 : (c->block + LANES - 1) / LANES;
    ptrdiff_t block = part / per_block, first = part % per_block * LANES;
    *start = block * size + first;
    few f = {c->planes / blocks, blocks * size, c->positions, c->block, c->block - first < LANES ? c->block - first : LANES};
    if (c->block == 1) { /* a row is a chunk of one channel: see the functions for one channel */
        f.step = f.width = 1;
    }
    return f;
}

static ptrdiff_t first_channel(const c2_batch_norm *c, ptrdiff_t part)
{
    ptrdiff_t per_block = c->block == 1 ? 1 : (c->block + LANES - 1) / LANES;
    return part / per_block * c->block + part % per_block * LANES;
}

/* Adds the sums of x - shift and of its square to s and q; lanes are channels, or neighbours where there is one. */
static void moments(
    const float *X, const float *shift, ptrdiff_t rows, ptrdiff_t step, ptrdiff_t width, double *s, double *q)
{
    for (ptrdiff_t at = 0; at < rows; at += CHUNK) {
        ptrdiff_t end = at + CHUNK < rows ? at + CHUNK : rows;
        float a[LANES] = {0}, b[LANES] = {0};
        if (width == LANES) {
            lanes sum = {0}, squares = {0}, from = lanes_at(shift);
            for (ptrdiff_t r = at; r < end; ++r) {
                lanes x = lanes_at(X + r * step) - from;
                sum += x;
                squares += x * x;
            }
            put_lanes(a, sum);
            put_lanes(b, squares);
        } else
            for (ptrdiff_t r = at; r < end; ++r)
                for (ptrdiff_t k = 0; k < width; ++k) {
                    float x = X[r * step + k] - shift[k];
                    a[k] += x;
                    b[k] += x * x;
                }
        for (ptrdiff_t k = 0; k < width; ++k) {
            s[k] += a[k];
            q[k] += b[k];
        }
    }
}

/* Adds the sums of dY and of dY * (X - mean) to s and q. */
static void products(
    const float *X, const float *dY, const float *mean, ptrdiff_t rows, ptrdiff_t step, ptrdiff_t width, double *s, double *q)
{
    for (ptrdiff_t at = 0; at < rows; at += CHUNK) {
        ptrdiff_t end = at + CHUNK < rows ? at + CHUNK : rows;
        float a[LANES] = {0}, b[LANES] = {0};
        if (width == LANES) {
            lanes sum = {0}, product = {0}, from = lanes_at(mean);
            for (ptrdiff_t r = at; r < end; ++r) {
                lanes d = lanes_at(dY + r * step);
                sum += d;
                product += d * (lanes_at(X + r * step) - from);
            }
            put_lanes(a, sum);
            put_lanes(b, product);
        } else
            for (ptrdiff_t r = at; r < end; ++r)
                for (ptrdiff_t k = 0; k < width; ++k) {
                    float d = dY[r * step + k];
                    a[k] += d;
                    b[k] += d * (X[r * step + k] - mean[k]);
                }
        for (ptrdiff_t k = 0; k < width; ++k) {
            s[k] += a[k];
            q[k] += b[k];
        }
    }
}

/* Both, for one channel: neighbours go to lanes of their own, so that they are vectors too. */
static void sum_lanes(double *s, double *q)
{
    for (int k = 1; k < LANES; ++k) {
        s[0] += s[k];
        q[0] += q[k];
    }
}

static void moments_of_one(const float *X, const float *shift, ptrdiff_t n, double *s, double *q)
{
    float same[LANES];
    double a[LANES] = {0}, b[LANES] = {0};
    for (int k = 0; k < LANES; ++k)
        same[k] = *shift;
    ptrdiff_t whole = n / LANES;
    moments(X, same, whole, LANES, LANES, a, b);
    moments(X + whole * LANES, same, 1, LANES, n - whole * LANES, a, b);
    sum_lanes(a, b);
    *s += a[0];
    *q += b[0];
}

static void products_of_one(const float *X, const float *dY, const float *mean, ptrdiff_t n, double *s, double *q)
{
    float same[LANES];
    double a[LANES] = {0}, b[LANES] = {0};
    for (int k = 0; k < LANES; ++k)
        same[k] = *mean;
    ptrdiff_t whole = n / LANES;
    products(X, dY, same, whole, LANES, LANES, a, b);
    products(X + whole * LANES, dY + whole * LANES, same, 1, LANES, n - whole * LANES, a, b);
    sum_lanes(a, b);
    *s += a[0];
    *q += b[0];
}

/* Y = X * factor + shift, and with `relu` no less than 0; NaN stays NaN. */
static void scaled(
    const float *X, const float *factor, const float *shift, float *Y, ptrdiff_t rows, ptrdiff_t step, ptrdiff_t width, int relu)
{
    float low = relu ? 0 : -INFINITY;
    if (width == LANES) {
        lanes by = lanes_at(factor), plus = lanes_at(shift), zero = {0};
        lane_bits always = (lane_bits){0} - !relu;
        for (ptrdiff_t r = 0; r < rows; ++r) {
            lanes y = lanes_at(X + r * step) * by + plus;
            put_lanes(Y + r * step, lanes_where(~(y < zero) | always, y));
        }
    } else
        for (ptrdiff_t r = 0; r < rows; ++r)
            for (ptrdiff_t k = 0; k < width; ++k) {
                float y = X[r * step + k] * factor[k] + shift[k];
                Y[r * step + k] = y < low ? low : y;
            }
}

static void scaled_one(const float *X, float factor, float shift, float *Y, ptrdiff_t n, int relu)
{
    float low = relu ? 0 : -INFINITY;
    for (ptrdiff_t i = 0; i < n; ++i) {
        float y = X[i] * factor + shift;
        Y[i] = y < low ? low : y;
    }
}

/* dX = a * dY + b * X + c. */
static void mixed(
    const float *X, const float *dY, const float *a, const float *b, const float *c, float *dX, ptrdiff_t rows,
    ptrdiff_t step, ptrdiff_t width)
{
    if (width == LANES) {
        lanes by = lanes_at(a), slope = lanes_at(b), plus = lanes_at(c);
        for (ptrdiff_t r = 0; r < rows; ++r)
            put_lanes(dX + r * step, by * lanes_at(dY + r * step) + (slope * lanes_at(X + r * step) + plus));
    } else
        for (ptrdiff_t r = 0; r < rows; ++r)
            for (ptrdiff_t k = 0; k < width; ++k)
                dX[r * step + k] = a[k] * dY[r * step + k] + (b[k] * X[r * step + k] + c[k]);
}

static void mixed_one(const float *X, const float *dY, float a, float b, float c, float *dX, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        dX[i] = a * dY[i] + (b * X[i] + c);
}

/* Buffers: X, scale, bias, mean, var, Y, new mean, new var, saved mean, saved 1 / standard deviation. */
static void forward_part(const void *context, void *const *buffers, ptrdiff_t begin, ptrdiff_t end, int thread)
{
    const c2_batch_norm *c = context;
    const float *scale = buffers[1], *bias = buffers[2], *mean = buffers[3], *var = buffers[4];
    float *new_mean = buffers[6], *new_var = buffers[7], *saved_mean = buffers[8], *saved_rstd = buffers[9];
    double n = (double)(c->planes * c->block / c->channels) * (double)c->positions;
    (void)thread;
    for (ptrdiff_t part = begin; part < end; ++part) {
        ptrdiff_t start, channel = first_channel(c, part);
        few f = few_channels(c, part, &start);
        const float *X = (const float *)buffers[0] + start;
        float *Y = (float *)buffers[5] + start, about[LANES], factor[LANES], shift[LANES];
        double s[LANES] = {0}, q[LANES] = {0};
        for (ptrdiff_t k = 0; k < f.width; ++k)
            about[k] = X[k]; /* sums of differences from a number of the channel lose nothing to a large mean */
        for (ptrdiff_t i = 0; i < f.images; ++i)
            if (c->block == 1)
                moments_of_one(X + i * f.image, about, f.rows, s, q);
            else
                moments(X + i * f.image, about, f.rows, f.step, f.width, s, q);
        for (ptrdiff_t k = 0; k < f.width; ++k) {
            ptrdiff_t ch = channel + k;
            double off = s[k] / n, m = about[k] + off, v = q[k] / n - off * off;
            v = v < 0 ? 0 : v;
            double rstd = 1 / sqrt(v + c->epsilon), unbiased = n > 1 ? v * (n / (n - 1)) : NAN;
            saved_mean[ch] = (float)m;
            saved_rstd[ch] = (float)rstd;
            new_mean[ch] = c->momentum * mean[ch] + (1 - c->momentum) * (float)m;
            new_var[ch] = c->momentum * var[ch] + (1 - c->momentum) * (float)unbiased;
            factor[k] = (float)(scale[ch] * rstd);
            shift[k] = (float)(bias[ch] - m * (scale[ch] * rstd));
        }
        for (ptrdiff_t i = 0; i < f.images; ++i)
            if (c->block == 1)
                scaled_one(X + i * f.image, *factor, *shift, Y + i * f.image, f.rows, c->relu);
            else
                scaled(X + i * f.image, factor, shift, Y + i * f.image, f.rows, f.step, f.width, c->relu);
    }
}

/* Buffers: X, scale, dY, mean, 1 / standard deviation (or with `is_test` variance), dX, dscale, dbias. */
static void backward_part(const void *context, void *const *buffers, ptrdiff_t begin, ptrdiff_t end, int thread)
{
    const c2_batch_norm *c = context;
    const float *scale = buffers[1], *mean = buffers[3], *saved = buffers[4];
    float *dscale = buffers[6], *dbias = buffers[7];
    double n = (double)(c->planes * c->block / c->channels) * (double)c->positions;
    (void)thread;
    for (ptrdiff_t part = begin; part < end; ++part) {
        ptrdiff_t start, channel = first_channel(c, part);
        few f = few_channels(c, part, &start);
        const float *X = (const float *)buffers[0] + start, *dY = (const float *)buffers[2] + start;
        float *dX = (float *)buffers[5] + start, a[LANES], b[LANES], constant[LANES];
        double s[LANES] = {0}, q[LANES] = {0};
        for (ptrdiff_t i = 0; i < f.images; ++i)
            if (c->block == 1)
                products_of_one(X + i * f.image, dY + i * f.image, mean + channel, f.rows, s, q);
            else
                products(X + i * f.image, dY + i * f.image, mean + channel, f.rows, f.step, f.width, s, q);
        for (ptrdiff_t k = 0; k < f.width; ++k) {
            ptrdiff_t ch = channel + k;
            double rstd = c->is_test ? 1 / sqrt(saved[ch] + c->epsilon) : saved[ch], factor = scale[ch] * rstd;
            double slope = c->is_test ? 0 : -factor * rstd * rstd * q[k] / n;
            dscale[ch] = (float)(q[k] * rstd);
            dbias[ch] = (float)s[k];
            a[k] = (float)factor;
            b[k] = (float)slope;
            constant[k] = c->is_test ? 0 : (float)(-slope * mean[ch] - factor * s[k] / n);
        }
        for (ptrdiff_t i = 0; i < f.images; ++i)
            if (c->block == 1)
                mixed_one(X + i * f.image, dY + i * f.image, *a, *b, *constant, dX + i * f.image, f.rows);
            else
                mixed(X + i * f.image, dY + i * f.image, a, b, constant, dX + i * f.image, f.rows, f.step, f.width);
    }
}

static ptrdiff_t parts_of(const c2_batch_norm *c)
{
    return c->block == 1 ? c->channels : c->channels / c->block * ((c->block + LANES - 1) / LANES);
}

int c2_run_batch_norm(void *context, void *const *buffers)
{
    const c2_batch_norm *c = context;
    ptrdiff_t work = c->planes * c->positions * c->block / parts_of(c);
    c2_parallel(forward_part, c, buffers, parts_of(c), 1 + 16384 / work, c->threads);
    return 0;
}

int c2_run_batch_norm_gradient(void *context, void *const *buffers)
{
    const c2_batch_norm *c = context;
    ptrdiff_t work = c->planes * c->positions * c->block / parts_of(c);
    c2_parallel(backward_part, c, buffers, parts_of(c), 1 + 16384 / work, c->threads);
    return 0;
}
