/* Sums and extremes over axes. Every result is made by one thread, so that their number does not matter. */
#include "parallel.h"

enum { LANES = 64, FEW = 16, STRIP = 64, BLOCK = 2048, ROWS = 128 };

/* -- how elements come together: sums go on in double after so many elements, as rounding would grow with them */

static inline __attribute__((always_inline)) float larger(float a, float b)
{
    return b > a || b != b ? b : a;
}

static inline __attribute__((always_inline)) float smaller(float a, float b)
{
    return b < a || b != b ? b : a;
}

#define ADDED(sum, x) ((sum) + (x))
#define MAGNITUDE_ADDED(sum, x) ((sum) + __builtin_fabsf(x))
#define SQUARE_ADDED(sum, x) ((sum) + (x) * (x))

/* `name`_row: of n neighbours; `name`_columns: of `rows` rows of which `width` columns count. `joined` brings partial
 * results together. */
#define FOLD(name, start, taken, joined)                                                                                \
    static double name##_row(const float *X, ptrdiff_t n)                                                               \
    {                                                                                                                   \
        double total = start;                                                                                           \
        for (ptrdiff_t at = 0; at < n; at += BLOCK) {                                                                   \
            float lanes[LANES], rest = start;                                                                           \
            ptrdiff_t i = at, end = n - at < BLOCK ? n : at + BLOCK;                                                    \
            for (int k = 0; k < LANES; ++k)                                                                             \
                lanes[k] = start;                                                                                       \
            for (; i + LANES <= end; i += LANES)                                                                        \
                for (int k = 0; k < LANES; ++k)                                                                         \
                    lanes[k] = taken(lanes[k], X[i + k]);                                                               \
            for (; i + FEW <= end; i += FEW)                                                                            \
                for (int k = 0; k < FEW; ++k)                                                                           \
                    lanes[k] = taken(lanes[k], X[i + k]);                                                               \
            for (; i < end; ++i)                                                                                        \
                rest = taken(rest, X[i]);                                                                               \
            for (int k = 0; k < LANES; ++k)                                                                             \
                rest = joined(rest, lanes[k]);                                                                          \
            total = joined(total, rest);                                                                                \
        }                                                                                                               \
        return total;                                                                                                   \
    }                                                                                                                   \
    static void name##_columns(                                                                                         \
        const float *X, ptrdiff_t rows, ptrdiff_t stride, ptrdiff_t width, double *totals)                              \
    {                                                                                                                   \
        for (ptrdiff_t k = 0; k < width; ++k)                                                                           \
            totals[k] = start;                                                                                          \
        for (ptrdiff_t at = 0; at < rows; at += ROWS) {                                                                 \
            float parts[STRIP];                                                                                         \
            ptrdiff_t end = rows - at < ROWS ? rows : at + ROWS;                                                        \
            for (ptrdiff_t k = 0; k < width; ++k)                                                                       \
                parts[k] = start;                                                                                       \
            for (ptrdiff_t r = at; r < end; ++r)                                                                        \
                for (ptrdiff_t k = 0; k < width; ++k)                                                                   \
                    parts[k] = taken(parts[k], X[r * stride + k]);                                                      \
            for (ptrdiff_t k = 0; k < width; ++k)                                                                       \
                totals[k] = joined(totals[k], parts[k]);                                                                \
        }                                                                                                               \
    }

#define LARGER(a, b) larger((float)(a), (float)(b))
#define SMALLER(a, b) smaller((float)(a), (float)(b))

FOLD(sum, 0, ADDED, ADDED)
FOLD(magnitude, 0, MAGNITUDE_ADDED, ADDED)
FOLD(square, 0, SQUARE_ADDED, ADDED)
FOLD(maximum, -__builtin_inff(), larger, LARGER)
FOLD(minimum, __builtin_inff(), smaller, SMALLER)

static const struct {
    double (*row)(const float *, ptrdiff_t);
    void (*columns)(const float *, ptrdiff_t, ptrdiff_t, ptrdiff_t, double *);
} folds[] = {
    {sum_row, sum_columns}, {magnitude_row, magnitude_columns}, {square_row, square_columns},
    {maximum_row, maximum_columns}, {minimum_row, minimum_columns},
};

static float finished(const c2_fold *c, double value)
{
    float y = (float)value * c->factor;
    return c->root ? __builtin_sqrtf(y) : y;
}

/* One part is a strip of columns. */
static void columns_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_fold *c = context;
    ptrdiff_t rows = c->folded[0], width = c->kept[1], strips = (width + STRIP - 1) / STRIP;
    (void)thread;
    for (ptrdiff_t p = first; p < last; ++p) {
        ptrdiff_t start = p % strips * STRIP, n = width - start < STRIP ? width - start : STRIP;
        double totals[STRIP];
        folds[c->kind].columns((const float *)buffers[0] + p / strips * rows * width + start, rows, width, n, totals);
        for (ptrdiff_t k = 0; k < n; ++k)
            ((float *)buffers[1])[p / strips * width + start + k] = finished(c, totals[k]);
    }
}

/* One part is a result: rows of neighbours, one or more. */
static void rows_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_fold *c = context;
    ptrdiff_t n = c->folded[1], stride = c->kept[1] * n;
    (void)thread;
    for (ptrdiff_t p = first; p < last; ++p) {
        const float *X = (const float *)buffers[0] + p / c->kept[1] * c->folded[0] * stride + p % c->kept[1] * n;
        double total = folds[c->kind].row(X, n);
        for (ptrdiff_t r = 1; r < c->folded[0]; ++r) {
            double next = folds[c->kind].row(X + r * stride, n);
            total = c->kind == C2_FOLD_MAX ? LARGER(total, next) : c->kind == C2_FOLD_MIN ? SMALLER(total, next) : total + next;
        }
        ((float *)buffers[1])[p] = finished(c, total);
    }
}

int c2_run_fold(void *context, void *const *buffers)
{
    const c2_fold *c = context;
    if (c->folded[1] == 1) {
        ptrdiff_t strips = c->kept[0] * ((c->kept[1] + STRIP - 1) / STRIP);
        c2_parallel(columns_part, c, buffers, strips, 1 + 32768 / (c->folded[0] * STRIP), c->threads);
    } else {
        ptrdiff_t results = c->kept[0] * c->kept[1], each = c->folded[0] * c->folded[1];
        c2_parallel(rows_part, c, buffers, results, 1 + 32768 / each, c->threads);
    }
    return 0;
}
