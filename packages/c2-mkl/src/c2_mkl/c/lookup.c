/* Lookups: sums of the rows of a table that indices pick, bag by bag. Rows are asked for some places ahead, so that as
 * many of them are on their way as memory can serve; sums stay in registers. */
#include "bags.h"
#include "half.h"
#include "parallel.h"

#include <limits.h>

enum { AHEAD = 32, GRAIN = 32768 /* elements: about what a thread does in the time it takes to wake one */ };

/* The table, places and weights of one run. */
typedef struct {
    const c2_lookup *c;
    const char *data;
    const void *indices;
    const int32_t *lengths, *mapping;
    const float *weights, *scale_bias;
    float *out;
    ptrdiff_t *bad;
} lookup_job;

static inline __attribute__((always_inline)) int planes_of(int kind)
{
    return kind == C2_ROW_4_BIT ? 2 : kind == C2_ROW_2_BIT ? 4 : 1; /* codes per byte */
}

/* Below 0 where the row was pruned. */
static inline __attribute__((always_inline)) ptrdiff_t row_number(const lookup_job *job, ptrdiff_t place)
{
    ptrdiff_t index = job->indices ? index_at(job->indices, job->c->wide, place) : place;
    return job->mapping ? job->mapping[index] : index;
}

static inline __attribute__((always_inline)) float weight_at(const lookup_job *job, ptrdiff_t start, ptrdiff_t k)
{
    return job->weights ? job->weights[job->c->positional ? k : start + k] : 1;
}

static inline __attribute__((always_inline)) float scale_of(
    const lookup_job *job, int kind, ptrdiff_t number, float *bias)
{
    const char *tail = job->data + number * job->c->row_bytes + job->c->width / planes_of(kind);
    uint16_t halves[2];
    float pair[2] = {1, 0};
    if (job->scale_bias) {
        memcpy(pair, job->scale_bias + 2 * number, sizeof pair);
    } else if (kind == C2_ROW_8_BIT) {
        memcpy(pair, tail, sizeof pair);
    } else if (kind > C2_ROW_8_BIT) {
        memcpy(halves, tail, sizeof halves);
        pair[0] = float_of_half(halves[0]), pair[1] = float_of_half(halves[1]);
    }
    *bias = pair[1];
    return pair[0];
}

static inline __attribute__((always_inline)) void fetch_ahead(const lookup_job *job, ptrdiff_t place)
{
    const c2_lookup *c = job->c;
    if (place >= c->places || !job->indices)
        return;
    ptrdiff_t row = index_at(job->indices, c->wide, place);
    if (job->mapping)
        row = row >= 0 && row < c->mapped ? job->mapping[row] : -1;
    if (row >= 0 && row < c->rows) {
        fetch_row(job->data + row * c->row_bytes, c->row_bytes);
        if (job->scale_bias)
            __builtin_prefetch(job->scale_bias + 2 * row);
    }
}

/* Whether all rows of a bag are there; notes the first that is not. */
static int rows_exist(const lookup_job *job, const c2_bag *bag)
{
    const c2_lookup *c = job->c;
    if (!job->indices)
        return 1;
    const char *indices = (const char *)job->indices + bag->place * (c->wide ? 8 : 4);
    ptrdiff_t bad = c2_first_outside(indices, c->wide, bag->length, job->mapping ? c->mapped : c->rows);
    for (ptrdiff_t k = 0; job->mapping && bad < 0 && k < bag->length; ++k)
        if (job->mapping[index_at(indices, c->wide, k)] >= c->rows)
            bad = k;
    if (bad >= 0)
        c2_note_bad(job->bad, bag->place + bad);
    return bad < 0;
}

/* Row k of a bag, with its weight and what its codes mean; NULL where it was pruned. */
static inline __attribute__((always_inline)) const char *row_of_bag(
    const lookup_job *job, int kind, const c2_bag *bag, ptrdiff_t k, int fetch, float *weight, float *scale, float *bias)
{
    if (fetch)
        fetch_ahead(job, bag->place + k + AHEAD);
    ptrdiff_t number = row_number(job, bag->place + k);
    if (number < 0)
        return NULL;
    *weight = weight_at(job, bag->place, k);
    *scale = scale_of(job, kind, number, bias);
    return job->data + number * job->c->row_bytes;
}

/* The last units of the rows of a bag, fewer than a block. */
static void rest_of_bag(const lookup_job *job, int kind, ptrdiff_t from, const c2_bag *bag, int fetch, float *out)
{
    const int planes = planes_of(kind), bits = 8 / planes, mask = (1 << bits) - 1;
    ptrdiff_t count = job->c->width - from * planes;
    float sums[64] = {0};
    for (ptrdiff_t k = 0; k < bag->length; ++k) {
        float weight, scale, bias;
        const char *row = row_of_bag(job, kind, bag, k, fetch, &weight, &scale, &bias);
        if (!row)
            continue;
        for (ptrdiff_t j = 0; j < count; ++j) {
            float x;
            uint16_t half;
            if (kind == C2_ROW_FLOAT)
                memcpy(&x, row + 4 * (from + j), sizeof x);
            else if (kind == C2_ROW_HALF)
                memcpy(&half, row + 2 * (from + j), sizeof half), x = float_of_half(half);
            else
                x = (float)((uint8_t)row[from + j / planes] >> j % planes * bits & mask) * scale + bias;
            sums[j] += weight * x;
        }
    }
    for (ptrdiff_t j = 0; j < count; ++j)
        out[from * planes + j] = job->c->mean && bag->length > 1 ? sums[j] / (float)bag->length : sums[j];
}

#include "lookup_rows.h"

static void lookup_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    (void)buffers, (void)thread;
    sum_bags(context, first, last);
}

/* -- runs */

static const void *buffer_at(void *const *buffers, int position)
{
    return position < 0 ? NULL : buffers[position];
}

int c2_run_lookup(void *context, void *const *buffers)
{
    const c2_lookup *c = context;
    ptrdiff_t longest = 1, bad = PTRDIFF_MAX;
    lookup_job job = {
        c, buffers[c->data], buffer_at(buffers, c->indices), buffer_at(buffers, c->lengths),
        buffer_at(buffers, c->mapping), buffer_at(buffers, c->weights), buffer_at(buffers, c->scale_bias),
        buffers[c->out], &bad,
    };
    int code = job.lengths ? c2_check_lengths(job.lengths, c->bags, c->places, &longest) : 0;
    if (code)
        return code;
    if (c->positional && longest > c->weights_count)
        return C2_SHORT_WEIGHTS;
    if (job.mapping && c->mapped == 1 && job.mapping[0] == 0)
        job.mapping = NULL; /* nothing was pruned */
    ptrdiff_t places = 1 + GRAIN / (c->width > 0 ? c->width : 1);
    c2_parallel(lookup_part, &job, buffers, c->places + c->bags, places, c->threads);
    return c2_code_of(bad);
}

/* -- of all that have bags */

int c2_check_lengths(const int32_t *lengths, ptrdiff_t bags, ptrdiff_t places, ptrdiff_t *longest)
{
    int64_t total = 0;
    int32_t low = 0, high = 0;
    for (ptrdiff_t n = 0; n < bags; ++n) {
        total += lengths[n];
        low = lengths[n] < low ? lengths[n] : low;
        high = lengths[n] > high ? lengths[n] : high;
    }
    *longest = high;
    return low < 0 ? C2_NEGATIVE_LENGTH : total != places ? C2_OTHER_TOTAL : 0;
}

void c2_note_bad(ptrdiff_t *bad, ptrdiff_t place)
{
    ptrdiff_t known = __atomic_load_n(bad, __ATOMIC_RELAXED);
    while (place < known && !__atomic_compare_exchange_n(bad, &known, place, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

int c2_code_of(ptrdiff_t bad)
{
    return bad == PTRDIFF_MAX ? 0 : bad < INT_MAX ? (int)bad + 1 : INT_MAX;
}

static int any_outside(const void *indices, int wide, ptrdiff_t count, ptrdiff_t rows)
{
    uint64_t outside = 0;
    if (wide)
        for (ptrdiff_t k = 0; k < count; ++k)
            outside |= (uint64_t)((uint64_t)((const int64_t *)indices)[k] >= (uint64_t)rows);
    else
        for (ptrdiff_t k = 0; k < count; ++k)
            outside |= (uint64_t)((int64_t)((const int32_t *)indices)[k] >= rows || ((const int32_t *)indices)[k] < 0);
    return outside != 0;
}

ptrdiff_t c2_first_outside(const void *indices, int wide, ptrdiff_t count, ptrdiff_t rows)
{
    if (!any_outside(indices, wide, count, rows))
        return -1;
    for (ptrdiff_t k = 0;; ++k) {
        ptrdiff_t index = index_at(indices, wide, k);
        if (index < 0 || index >= rows)
            return k;
    }
}
