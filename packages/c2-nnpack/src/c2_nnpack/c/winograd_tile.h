/* Winograd's transforms of one row of a tile, F(m, 3) for m 2, 4 and 6: evaluation at the points 0, 1, -1, 2, -2, 1/2,
 * -1/2 (as many as m needs) and infinity (Lavin & Gray, 2016, for the method). Included once per width of vectors. */

/* d: m + 2 inputs, o: as many values. */
INLINE void NAME(forward)(int m, const V *d, V *o)
{
    if (m == 2) {
        o[0] = d[0] - d[2];
        o[1] = d[1] + d[2];
        o[2] = d[2] - d[1];
        o[3] = d[3] - d[1];
    } else if (m == 4) {
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

/* v: m + 2 products, y: m outputs. */
INLINE void NAME(backward)(int m, const V *v, V *y)
{
    V p = v[1] + v[2], q = v[1] - v[2];
    if (m == 2) {
        y[0] = v[0] + p;
        y[1] = q + v[3];
        return;
    }
    V r = v[3] + v[4], s = v[3] - v[4];
    if (m == 4) {
        y[0] = v[0] + p + r;
        y[1] = q + 2 * s;
        y[2] = p + 4 * r;
        y[3] = q + 8 * s + v[5];
        return;
    }
    V t = v[5] + v[6], u = v[5] - v[6];
    y[0] = v[0] + p + (r + 32 * t);
    y[1] = q + 2 * s + 16 * u;
    y[2] = p + 4 * r + 8 * t;
    y[3] = q + 8 * s + 4 * u;
    y[4] = p + 16 * r + 2 * t;
    y[5] = q + v[7] + (32 * s + u);
}
