/* Sums of the rows of one bag, sixteen numbers at a time; a part of lookup.c. */
#include "lanes.h"

#define VECTORS 8 /* of sums that are kept in registers */

LANES_FUNCTION V decoded(int kind, const char *row, ptrdiff_t unit, int plane)
{
    int bits = kind == C2_ROW_4_BIT ? 4 : kind == C2_ROW_2_BIT ? 2 : 8;
    if (kind == C2_ROW_FLOAT)
        return lanes_load(row + 4 * unit);
    if (kind == C2_ROW_HALF)
        return lanes_half(row + 2 * unit);
    return lanes_codes(row + unit, plane * bits, (1 << bits) - 1);
}

/* Adds up `blocks` blocks of 16 units (numbers, or bytes of codes) of each row, from unit `from` on. */
LANES_FUNCTION void add_blocks(
    const lookup_job *job, int kind, int blocks, ptrdiff_t from, const c2_bag *bag, int fetch, float *out)
{
    const int planes = planes_of(kind), count = blocks * planes;
    V sums[VECTORS];
    for (int v = 0; v < count; ++v)
        sums[v] = lanes_set(0);
    for (ptrdiff_t k = 0; k < bag->length; ++k) {
        float weight, scale, bias;
        const char *row = row_of_bag(job, kind, bag, k, fetch, &weight, &scale, &bias);
        if (!row)
            continue;
        V factor = lanes_set(weight * scale), shift = lanes_set(weight * bias);
        for (int v = 0; v < count; ++v) {
            V x = decoded(kind, row, from + 16 * (v / planes), v % planes);
            if (kind >= C2_ROW_8_BIT)
                sums[v] = lanes_sum(sums[v], lanes_product_sum(x, factor, shift));
            else
                sums[v] = lanes_product_sum(x, factor, sums[v]);
        }
    }
    if (job->c->mean && bag->length > 1)
        for (int v = 0; v < count; ++v)
            sums[v] = lanes_quotient(sums[v], lanes_set((float)bag->length));
    for (int b = 0; b < blocks; ++b) {
        float *to = out + (from + 16 * b) * planes, each[4][16];
        for (int k = 0; k < planes; ++k)
            lanes_store(planes == 1 ? to : each[k], sums[b * planes + k]);
        for (int j = 0; planes > 1 && j < 16; ++j)
            for (int k = 0; k < planes; ++k)
                to[j * planes + k] = each[k][j];
    }
}

/* One bag: as many blocks at a time as there are registers for, then the units behind the last whole block. */
LANES_FUNCTION void sum_bag(const lookup_job *job, int kind, const c2_bag *bag, float *out)
{
    const int planes = planes_of(kind);
    ptrdiff_t units = job->c->width / planes, from = 0;
#define BLOCKS(n)                                                                                                       \
    for (; n * planes <= VECTORS && units - from >= 16 * n; from += 16 * n)                                             \
        add_blocks(job, kind, n * planes <= VECTORS ? n : 1, from, bag, from == 0, out);
    BLOCKS(8)
    BLOCKS(4)
    BLOCKS(2)
    BLOCKS(1)
#undef BLOCKS
    if (from < units)
        rest_of_bag(job, kind, from, bag, from == 0, out);
}

static void sum_bags(const lookup_job *job, ptrdiff_t first, ptrdiff_t last)
{
    const c2_lookup *c = job->c;
    c2_bag bag = FIRST_BAG;
    while (next_bag(&bag, job->lengths, c->bags, first, last)) {
        float *out = job->out + bag.bag * c->width;
        if (!rows_exist(job, &bag))
            continue;
        switch (c->kind) {
        case C2_ROW_FLOAT: sum_bag(job, C2_ROW_FLOAT, &bag, out); break;
        case C2_ROW_HALF: sum_bag(job, C2_ROW_HALF, &bag, out); break;
        case C2_ROW_8_BIT: sum_bag(job, C2_ROW_8_BIT, &bag, out); break;
        case C2_ROW_4_BIT: sum_bag(job, C2_ROW_4_BIT, &bag, out); break;
        default: sum_bag(job, C2_ROW_2_BIT, &bag, out); break;
        }
    }
}
