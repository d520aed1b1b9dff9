/* Winograd's F(m x m, 3 x 3) where filters change: the transforms of a row that winograd_tile.h has not, at the same points.
 * `expand` takes three taps to the points; `gather` is its transpose, and `spread` that of `backward`, which take gradients
 * the other way. Included once per width of vectors. */

/* w: three taps, o: their m + 2 values. */
INLINE void NAME(expand)(int m, const V *w, V *o)
{
    V s = w[0] + w[2];
    o[0] = w[0];
    o[m + 1] = w[2];
    if (m == 2) {
        o[1] = 0.5f * (s + w[1]);
        o[2] = 0.5f * (s - w[1]);
    } else if (m == 4) {
        V e = w[0] * (1 / 24.f) + w[2] * (1 / 6.f), f = w[1] * (1 / 12.f);
        o[0] = 0.25f * w[0];
        o[1] = (s + w[1]) * (-1 / 6.f);
        o[2] = (s - w[1]) * (-1 / 6.f);
        o[3] = e + f;
        o[4] = e - f;
    } else {
        V e = w[0] * (1 / 90.f) + w[2] * (2 / 45.f), f = w[1] * (1 / 45.f);
        V g = w[0] * (1 / 45.f) + w[2] * (1 / 180.f), h = w[1] * (1 / 90.f);
        o[1] = (s + w[1]) * (-2 / 9.f);
        o[2] = (s - w[1]) * (-2 / 9.f);
        o[3] = e + f;
        o[4] = e - f;
        o[5] = g + h;
        o[6] = g - h;
    }
}

/* v: m + 2 gradients of the values at the points, w: those of three taps. */
INLINE void NAME(gather)(int m, const V *v, V *w)
{
    V p = v[1] + v[2], q = v[1] - v[2];
    if (m == 2) {
        w[0] = v[0] + 0.5f * p;
        w[1] = 0.5f * q;
        w[2] = 0.5f * p + v[3];
        return;
    }
    V r = v[3] + v[4], s = v[3] - v[4];
    if (m == 4) {
        p = p * (-1 / 6.f);
        w[0] = 0.25f * v[0] + p + r * (1 / 24.f);
        w[1] = s * (1 / 12.f) - q * (1 / 6.f);
        w[2] = p + r * (1 / 6.f) + v[5];
        return;
    }
    V t = v[5] + v[6], u = v[5] - v[6];
    p = p * (-2 / 9.f);
    w[0] = v[0] + p + (r * (1 / 90.f) + t * (1 / 45.f));
    w[1] = (s * (1 / 45.f) + u * (1 / 90.f)) - q * (2 / 9.f);
    w[2] = p + (r * (2 / 45.f) + t * (1 / 180.f)) + v[7];
}

/* y: gradients of m outputs, o: those of m + 2 products. */
INLINE void NAME(spread)(int m, const V *y, V *o)
{
    o[0] = y[0];
    o[m + 1] = y[m - 1];
    if (m == 2) {
        o[1] = y[0] + y[1];
        o[2] = y[0] - y[1];
        return;
    }
    V e = y[0] + y[2], f = y[1] + y[3], g = y[0] + 4 * y[2], h = 2 * y[1] + 8 * y[3];
    if (m == 6) {
        e += y[4];
        f += y[5];
        g += 16 * y[4];
        h += 32 * y[5];
        V a = 32 * y[0] + 8 * y[2] + 2 * y[4], b = 16 * y[1] + 4 * y[3] + y[5];
        o[5] = a + b;
        o[6] = a - b;
    }
    o[1] = e + f;
    o[2] = e - f;
    o[3] = g + h;
    o[4] = g - h;
}

/* A vector of filters 3 x 3, or where `spreads` of tiles m x m of dY, to the points: floats from one row and column of x,
 * and from one point of v, to the next. */
INLINE void NAME(to_points)(int spreads, int m, const float *x, ptrdiff_t row, ptrdiff_t column, float *v,
                            ptrdiff_t point)
{
    const int t = m + 2, n = spreads ? m : 3;
    V columns[8][6];
#pragma GCC unroll 8
    for (int j = 0; j < n; ++j) {
        V d[6], o[8];
#pragma GCC unroll 8
        for (int i = 0; i < n; ++i)
            d[i] = NAME(load)(x + i * row + j * column);
        spreads ? NAME(spread)(m, d, o) : NAME(expand)(m, d, o);
#pragma GCC unroll 8
        for (int i = 0; i < t; ++i)
            columns[i][j] = o[i];
    }
#pragma GCC unroll 8
    for (int i = 0; i < t; ++i) {
        V o[8];
        spreads ? NAME(spread)(m, columns[i], o) : NAME(expand)(m, columns[i], o);
#pragma GCC unroll 8
        for (int j = 0; j < t; ++j)
            NAME(store)(v + (i * t + j) * point, o[j]);
    }
}
