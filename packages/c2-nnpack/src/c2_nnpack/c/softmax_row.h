/* Softmax of a row, for one width of vectors. */

typedef int32_t NAME(whole) __attribute__((vector_size(4 * LANES)));

/* e to the power of x <= 0, to 2 units in the last place; 0 below -87.3, where a float has no full precision. 2^n * e^r
 * with |r| <= ln(2) / 2: n is rounded by adding 1.5 * 2^23, e^r is Taylor's polynomial of degree 7 (rest 5e-9). */
INLINE V NAME(exp)(V x)
{
    const V shift = NAME(set)(12582912.0f), rounded = x * 1.44269504f + shift, n = rounded - shift;
    const V r = x - n * 0.693359375f + n * 2.12194440e-4f; /* ln 2 in two parts, the first with few bits */
    V p = r * (1.0f / 5040) + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1;
    p = p * r + 1;
    const NAME(whole) power = ((NAME(whole))rounded + (127 - 0x4B400000)) << 23;
    const V y = p * (V)power;
    return (V)((NAME(whole))y & ~(x < -87.3f));
}

static void NAME(softmax_row)(const float *x, ptrdiff_t n, float *y)
{
    float largest = x[0], sum = 0, room[LANES];
    const ptrdiff_t whole = n / LANES * LANES;
    V best = NAME(set)(largest), sums = {0};
    for (ptrdiff_t i = 0; i < whole; i += LANES) {
        const V one = NAME(load)(x + i);
        const NAME(whole) take = (one > best) | (one != one); /* a NaN is kept */
        best = (V)((take & (NAME(whole))one) | (~take & (NAME(whole))best));
    }
    for (int k = 0; k < LANES; ++k)
        largest = best[k] > largest || best[k] != best[k] ? best[k] : largest;
    for (ptrdiff_t i = whole; i < n; ++i)
        largest = x[i] > largest || x[i] != x[i] ? x[i] : largest;
    for (ptrdiff_t i = 0; i < whole; i += LANES) {
        const V e = NAME(exp)(NAME(load)(x + i) - largest);
        sums += e;
        NAME(store)(y + i, e);
    }
    for (int k = 0; k < LANES; ++k)
        sum += sums[k];
    if (whole < n) {
        for (int k = 0; k < LANES; ++k)
            room[k] = whole + k < n ? x[whole + k] - largest : 0;
        NAME(store)(room, NAME(exp)(NAME(load)(room)));
        for (ptrdiff_t i = whole; i < n; ++i)
            sum += y[i] = room[i - whole];
    }
    const float share = 1 / sum;
    for (ptrdiff_t i = 0; i < n; ++i)
        y[i] *= share;
}
