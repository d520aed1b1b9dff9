/* Winograd's transforms of one row of a tile: evaluation at the points 0, 1, -1, 2, -2, 1/2, -1/2 (as many as the tile
 * needs) and infinity (Lavin & Gray, 2016, for the method). Included once per width of vectors. */

/* d: t inputs, o: as many values. */
INLINE void NAME(forward)(int t, const V *d, V *o)
{
    if (t == 4) {
        o[0] = d[0] - d[2];
        o[1] = d[1] + d[2];
        o[2] = d[2] - d[1];
        o[3] = d[3] - d[1];
    } else if (t == 6) {
        V a = d[4] - 4 * d[2], b = d[3] - 4 * d[1], e = d[4] - d[2], f = 2 * (d[3] - d[1]);
        o[0] = 4 * d[0] + (d[4] - 5 * d[2]);
        o[1] = a + b;
        o[2] = a - b;
        o[3] = e + f;
        o[4] = e - f;
        o[5] = 4 * d[1] + (d[5] - 5 * d[3]);
    } else {
        V a = d[2] + d[6] - 4.25f * d[4], b = d[1] + d[5] - 4.25f * d[3];
        V e = d[6] + 0.25f * d[2] - 1.25f * d[4], f = 0.5f * d[1] - 2.5f * d[3] + 2 * d[5];
        V g = d[6] + 4 * d[2] - 5 * d[4], h = 2 * d[1] - 2.5f * d[3] + 0.5f * d[5];
        o[0] = d[0] - d[6] + 5.25f * (d[4] - d[2]);
        o[1] = a + b;
        o[2] = a - b;
        o[3] = e + f;
        o[4] = e - f;
        o[5] = g + h;
        o[6] = g - h;
        o[7] = d[7] - d[1] + 5.25f * (d[3] - d[5]);
    }
}

/* v: t products, y: m outputs. Powers of 1/2 are multiplied by 32. */
INLINE void NAME(backward)(int t, int m, const V *v, V *y)
{
    V even[3] = {v[1] + v[2]}, odd[3] = {v[1] - v[2]};
    if (t > 4)
        even[1] = v[3] + v[4], odd[1] = v[3] - v[4];
    if (t > 6)
        even[2] = v[5] + v[6], odd[2] = v[5] - v[6];
#pragma GCC unroll 8
    for (int i = 0; i < m; ++i) {
        const V *a = i % 2 ? odd : even;
        y[i] = i ? a[0] : v[0] + a[0];
        if (i == m - 1)
            y[i] += v[t - 1];
        if (t > 6)
            y[i] += (float)(1 << i) * a[1] + (float)(32 >> i) * a[2];
        else if (t > 4)
            y[i] += (float)(1 << i) * a[1];
    }
}

INLINE void NAME(winograd_forward)(int t, const float *x, ptrdiff_t row, float *v, ptrdiff_t point)
{
    V columns[8][8];
#pragma GCC unroll 8
    for (int j = 0; j < t; ++j) {
        V d[8], o[8];
#pragma GCC unroll 8
        for (int i = 0; i < t; ++i)
            d[i] = NAME(load)(x + i * row + j * 16);
        NAME(forward)(t, d, o);
#pragma GCC unroll 8
        for (int i = 0; i < t; ++i)
            columns[i][j] = o[i];
    }
#pragma GCC unroll 8
    for (int i = 0; i < t; ++i) {
        V o[8];
        NAME(forward)(t, columns[i], o);
#pragma GCC unroll 8
        for (int j = 0; j < t; ++j)
            NAME(store)(v + (i * t + j) * point, o[j]);
    }
}

INLINE void NAME(winograd_backward)(int t, int m, const float *v, ptrdiff_t point, const c2_target *to)
{
    V half[6][8];
#pragma GCC unroll 8
    for (int j = 0; j < t; ++j) {
        V d[8], o[6];
#pragma GCC unroll 8
        for (int i = 0; i < t; ++i)
            d[i] = NAME(load)(v + (i * t + j) * point);
        NAME(backward)(t, m, d, o);
#pragma GCC unroll 8
        for (int i = 0; i < m; ++i)
            half[i][j] = o[i];
    }
    for (ptrdiff_t i = 0; i < to->rows; ++i) {
        V o[6];
        NAME(backward)(t, m, half[i], o);
        NAME(put_row)(to, i, m, o);
    }
}
