/* A block of BYTES channels of one or two rows of Y. Included once per width of the vectors. */

#define JOIN(a, b) a##b
#define NAMED(a, b) JOIN(a, b)
#if BYTES == 64
#define DO(name) _mm512_##name
#define ALL(name) _mm512_##name##_si512
#define VECTOR __m512i
#define FLOATS __m512
#elif BYTES == 32
#define DO(name) _mm256_##name
#define ALL(name) _mm256_##name##_si256
#define VECTOR __m256i
#define FLOATS __m256
#else
#define DO(name) _mm_##name
#define ALL(name) _mm_##name##_si128
#define VECTOR __m128i
#define FLOATS __m128
#endif

#define COLUMN NAMED(column_, BYTES)
#define NEXT NAMED(next_, BYTES)
#define PACKED NAMED(packed_, BYTES)
#define WINDOW NAMED(window_, BYTES)
#define COLUMNS NAMED(columns_, BYTES)
#define RUN NAMED(run_, BYTES)

typedef struct { VECTOR v[QUAD]; } COLUMN;

/* Four rows at column x, byte by byte; the next one is a step further. */
INLINE COLUMN NEXT(quad_rows *from, ptrdiff_t x, ptrdiff_t width, VECTOR flip)
{
    if (x < 0 || x >= width)
        return (COLUMN){{flip, flip, flip, flip}};
    VECTOR row[QUAD];
    for (int k = 0; k < QUAD; ++k) {
        row[k] = ALL(xor)(ALL(loadu)((const void *)from->at[k]), flip);
        from->at[k] += from->step[k];
    }
    VECTOR low = DO(unpacklo_epi8)(row[0], row[1]), high = DO(unpackhi_epi8)(row[0], row[1]);
    VECTOR low_end = DO(unpacklo_epi8)(row[2], row[3]), high_end = DO(unpackhi_epi8)(row[2], row[3]);
    return (COLUMN){{
        DO(unpacklo_epi16)(low, low_end), DO(unpackhi_epi16)(low, low_end),
        DO(unpacklo_epi16)(high, high_end), DO(unpackhi_epi16)(high, high_end),
    }};
}

INLINE VECTOR PACKED(const c2_depthwise_bytes *c, const VECTOR *numbers)
{
    VECTOR first = DO(packs_epi32)(numbers[0], numbers[1]), second = DO(packs_epi32)(numbers[2], numbers[3]);
    VECTOR low = DO(set1_epi8)((char)c->low), high = DO(set1_epi8)((char)c->high);
    if (c->gives_signed)
        return DO(min_epi8)(DO(max_epi8)(DO(packs_epi16)(first, second), low), high);
    return DO(min_epu8)(DO(max_epu8)(DO(packus_epi16)(first, second), low), high);
}

/* One column of `rows` rows of Y, from three columns of X. `rows` and `stride` are constants where it is inlined. Sums of
 * both rows side by side keep the multipliers busy. */
INLINE void WINDOW(const c2_depthwise_bytes *c, const COLUMN *columns, const uint8_t *weights, const float *factors,
                   uint8_t *Y, const int rows)
{
    VECTOR sum[2][QUAD];
    for (int t = 0; t < TAPS; ++t)
        for (int r = 0; r < rows; ++r)
            for (int v = 0; v < QUAD; ++v) {
                VECTOR W = ALL(loadu)((const void *)(weights + ((r * TAPS + t) * QUAD + v) * BYTES));
                sum[r][v] = DO(dpbusd_epi32)(t ? sum[r][v] : ALL(setzero)(), columns[t].v[v], W);
            }
    for (int v = 0; v < QUAD; ++v) {
        FLOATS scale = DO(loadu_ps)(factors + v * BYTES / 4), bias = DO(loadu_ps)(factors + (QUAD + v) * BYTES / 4);
        for (int r = 0; r < rows; ++r)
            sum[r][v] = DO(cvtps_epi32)(DO(fmadd_ps)(DO(cvtepi32_ps)(sum[r][v]), scale, bias));
    }
    for (int r = 0; r < rows; ++r)
        ALL(storeu)((void *)(Y + r * c->outputs[1] * c->channels), PACKED(c, sum[r]));
}

INLINE void COLUMNS(const c2_depthwise_bytes *c, quad_rows from, const uint8_t *weights, const uint8_t *factors,
                    uint8_t *Y, const int rows, const int stride)
{
    ptrdiff_t width = c->inputs[1], x = -c->head[1];
    VECTOR flip = DO(set1_epi8)((char)(c->takes_signed ? 0x80 : 0));
    COLUMN have[TAPS];
    have[0] = NEXT(&from, x++, width, flip);
    if (stride == 1)
        have[1] = NEXT(&from, x++, width, flip);
    for (ptrdiff_t k = 0; k < c->outputs[1]; ++k, Y += c->channels) {
        if (stride == 2)
            have[1] = NEXT(&from, x++, width, flip);
        have[2] = NEXT(&from, x++, width, flip);
        WINDOW(c, have, weights, (const float *)factors, Y, rows);
        have[0] = have[stride];
        have[1] = have[2];
    }
}

VNNI static void RUN(const c2_depthwise_bytes *c, quad_rows from, const uint8_t *weights, const uint8_t *factors,
                     uint8_t *Y, int rows)
{
    if (rows == 2)
        COLUMNS(c, from, weights, factors, Y, 2, 1);
    else if (c->stride == 1)
        COLUMNS(c, from, weights, factors, Y, 1, 1);
    else
        COLUMNS(c, from, weights, factors, Y, 1, 2);
}

#undef JOIN
#undef NAMED
#undef DO
#undef ALL
#undef VECTOR
#undef FLOATS
#undef COLUMN
#undef NEXT
#undef PACKED
#undef WINDOW
#undef COLUMNS
#undef RUN
