/* A panel of outputs of FC for some rows, for one width of vectors. */

#if REGISTERS == 32
enum { NAME(ROWS) = 6 };
#else
enum { NAME(ROWS) = 3 };
#endif

/* Up to 4 vectors of a row of Y, of which `count` outputs are there. */
INLINE void NAME(fc_store)(int vectors, const V *sums, float *y, ptrdiff_t count)
{
    float room[4 * LANES];
    const int whole = count >= vectors * LANES;
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v)
        NAME(store)((whole ? y : room) + v * LANES, sums[v]);
    if (!whole)
        memcpy(y, room, (size_t)count * sizeof *y);
}

INLINE void NAME(fc_fetch)(int vectors, V *sums, const float *y, ptrdiff_t count)
{
    float room[4 * LANES] = {0};
    const int whole = count >= vectors * LANES;
    if (!whole && y)
        memcpy(room, y, (size_t)count * sizeof *y);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v)
        sums[v] = NAME(load)((whole && y ? y : room) + v * LANES);
}

/* Adds the products of one input; each is a constant where this is inlined. */
INLINE void NAME(fc_one)(int rows, int vectors, V (*sums)[4], const float *x, ptrdiff_t row, const float *w)
{
    V weights[4];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v)
        weights[v] = NAME(load)(w + v * LANES);
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r) {
        const V one = NAME(set)(x[r * row]);
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v)
            sums[r][v] += weights[v] * one;
    }
}

/* Adds inputs [from, to) of `rows` rows to their outputs, which begin with b. `apart` inputs at a time go to sums of their
 * own, so that none waits for the one before; it, rows and vectors are constants where this is inlined. */
INLINE void NAME(fc_block)(int apart, int rows, int vectors, const c2_fc *c, const float *x, const float *w, const float *b, float *y,
                           ptrdiff_t from, ptrdiff_t to, ptrdiff_t count)
{
    V sums[4][NAME(ROWS)][4];
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r)
        NAME(fc_fetch)(vectors, sums[0][r], from ? y + r * c->N : b, count);
#pragma GCC unroll 3
    for (int part = 1; part < apart; ++part)
#pragma GCC unroll 4
        for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v)
                sums[part][r][v] = (V){0};
    ptrdiff_t k = from;
    for (; k + apart <= to; k += apart, w += apart * vectors * LANES)
#pragma GCC unroll 4
        for (int part = 0; part < apart; ++part)
            NAME(fc_one)(rows, vectors, sums[part], x + k + part, c->K, w + part * vectors * LANES);
    for (; k < to; ++k, w += vectors * LANES)
        NAME(fc_one)(rows, vectors, sums[0], x + k, c->K, w);
#pragma GCC unroll 3
    for (int part = 1; part < apart; ++part)
#pragma GCC unroll 4
        for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v)
                sums[0][r][v] += sums[part][r][v];
    if (to == c->K) {
        const V low = NAME(set)(c->low), high = NAME(set)(c->high);
#pragma GCC unroll 6
        for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v)
                sums[0][r][v] = NAME(clip)(sums[0][r][v], low, high);
    }
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r)
        NAME(fc_store)(vectors, sums[0][r], y + r * c->N, count);
}

#define C2_ROWS(vectors, n)                                                                                             \
    case n: NAME(fc_block)(1, n, vectors, c, x, w, b, y, from, to, count); break;
#if REGISTERS == 32
#define C2_MORE(vectors) C2_ROWS(vectors, 4) C2_ROWS(vectors, 5) C2_ROWS(vectors, 6)
#else
#define C2_MORE(vectors)
#endif
#define C2_VECTORS(vectors)                                                                                             \
    static void NAME(fc_##vectors)(ptrdiff_t rows, const c2_fc *c, const float *x, const float *w, const float *b,      \
                                   float *y, ptrdiff_t from, ptrdiff_t to, ptrdiff_t count)                             \
    {                                                                                                                   \
        switch (c->M == 1 ? 0 : rows) { /* not by the rows of this group alone: these depend on the threads */          \
            case 0: NAME(fc_block)(vectors <= 2 ? 4 : 2, 1, vectors, c, x, w, b, y, from, to, count); break;            \
            C2_ROWS(vectors, 1) C2_ROWS(vectors, 2) C2_ROWS(vectors, 3) C2_MORE(vectors)                                \
        }                                                                                                               \
    }
C2_VECTORS(1)
C2_VECTORS(2)
C2_VECTORS(3)
C2_VECTORS(4)
#undef C2_VECTORS
#undef C2_MORE
#undef C2_ROWS

/* Rows go in groups of nearly the same size, as many as fit into registers. */
static void NAME(fc_panel)(const c2_fc *c, void *const *buffers, ptrdiff_t panel, ptrdiff_t first, ptrdiff_t last)
{
    static void (*const block[])(ptrdiff_t, const c2_fc *, const float *, const float *, const float *, float *, ptrdiff_t,
                                 ptrdiff_t, ptrdiff_t) = {NAME(fc_1), NAME(fc_2), NAME(fc_3), NAME(fc_4)};
    const float *X = buffers[0], *b = buffers[2];
    const ptrdiff_t n = panel * panel_of(c), width = panel_width(c, panel), rows = last - first;
    const ptrdiff_t groups = (rows + NAME(ROWS) - 1) / NAME(ROWS);
    for (ptrdiff_t from = 0; from < c->K; from += DEPTH) {
        const ptrdiff_t to = from + DEPTH < c->K ? from + DEPTH : c->K;
        for (ptrdiff_t g = 0; g < groups; ++g) {
            const ptrdiff_t row = first + rows * g / groups, count = first + rows * (g + 1) / groups - row;
            block[width / LANES - 1](count, c, X + row * c->K, c->weights + n * c->K + from * width, b + n,
                                     (float *)buffers[3] + row * c->N + n, from, to, c->N - n);
        }
    }
}
