/* Fourier's transforms of tiles of real numbers, 8 x 8 or 16 x 16, by halving (Cooley & Tukey, 1965), and products of complex
 * numbers by three real ones (Gauss): where X is c + di and the filter a + bi, points hold c + d, d and c, the packed filters
 * a, a + b and b - a; so products of points are as real as Winograd's. Rows are transformed first, to T / 2 + 1 columns;
 * the first and the last of these are real. Included once per width of vectors. */

/* re + i im, turned by k sixteenths of a circle clockwise, k from 0 to 7. */
INLINE void NAME(turned)(int k, V re, V im, V *to_re, V *to_im)
{
    static const float cosine[] = {1, .923879532511286756f, .707106781186547524f, .382683432365089772f, 0};
    const float c = k > 4 ? -cosine[8 - k] : cosine[k], s = k > 4 ? cosine[k - 4] : cosine[4 - k];
    if (k == 0)
        *to_re = re, *to_im = im;
    else if (k == 4)
        *to_re = im, *to_im = -re;
    else if (k == 2)
        *to_re = c * (re + im), *to_im = c * (im - re);
    else
        *to_re = c * re + s * im, *to_im = c * im - s * re;
}

INLINE void NAME(complex_1)(const V *re, const V *im, int step, V *R, V *I)
{
    (void)step;
    R[0] = re[0];
    I[0] = im[0];
}

/* n complex numbers, `step` apart, to n others; with (im, re) and (I, R) the way back, times n. */
#define C2_COMPLEX(n, half)                                                                                             \
    INLINE void NAME(complex_##n)(const V *re, const V *im, int step, V *R, V *I)                                       \
    {                                                                                                                   \
        V er[half], ei[half], or[half], oi[half];                                                                       \
        NAME(complex_##half)(re, im, 2 * step, er, ei);                                                                 \
        NAME(complex_##half)(re + step, im + step, 2 * step, or, oi);                                                   \
        C2_UNROLL                                                                                                       \
        for (int k = 0; k < half; ++k) {                                                                                \
            V a, b;                                                                                                     \
            NAME(turned)(k * 16 / n, or[k], oi[k], &a, &b);                                                             \
            R[k] = er[k] + a;                                                                                           \
            I[k] = ei[k] + b;                                                                                           \
            R[k + half] = er[k] - a;                                                                                    \
            I[k + half] = ei[k] - b;                                                                                    \
        }                                                                                                               \
    }
#define C2_UNROLL _Pragma("GCC unroll 16")
C2_COMPLEX(2, 1)
C2_COMPLEX(4, 2)
C2_COMPLEX(8, 4)
C2_COMPLEX(16, 8)
#undef C2_COMPLEX

INLINE void NAME(real_2)(const V *x, int step, V *R, V *I)
{
    (void)I;
    R[0] = x[0] + x[step];
    R[1] = x[0] - x[step];
}

INLINE void NAME(from_real_2)(const V *R, const V *I, V *x, int step)
{
    (void)I;
    x[0] = R[0] + R[1];
    x[step] = R[0] - R[1];
}

/* n real numbers, `step` apart, to n / 2 + 1 complex ones, the first and the last of which are real and have no I; and the
 * way back, times n. */
#define C2_REAL(n, half)                                                                                                \
    INLINE void NAME(real_##n)(const V *x, int step, V *R, V *I)                                                        \
    {                                                                                                                   \
        V er[half / 2 + 1], ei[half / 2 + 1], or[half / 2 + 1], oi[half / 2 + 1];                                       \
        NAME(real_##half)(x, 2 * step, er, ei);                                                                         \
        NAME(real_##half)(x + step, 2 * step, or, oi);                                                                  \
        R[0] = er[0] + or[0];                                                                                           \
        R[half] = er[0] - or[0];                                                                                        \
        R[half / 2] = er[half / 2];                                                                                     \
        I[half / 2] = -or[half / 2];                                                                                    \
        C2_UNROLL                                                                                                       \
        for (int k = 1; k < half / 2; ++k) {                                                                            \
            V a, b;                                                                                                     \
            NAME(turned)(k * 16 / n, or[k], oi[k], &a, &b);                                                             \
            R[k] = er[k] + a;                                                                                           \
            I[k] = ei[k] + b;                                                                                           \
            R[half - k] = er[k] - a;                                                                                    \
            I[half - k] = b - ei[k];                                                                                    \
        }                                                                                                               \
    }                                                                                                                   \
    INLINE void NAME(from_real_##n)(const V *R, const V *I, V *x, int step)                                             \
    {                                                                                                                   \
        V er[half / 2 + 1], ei[half / 2 + 1], or[half / 2 + 1], oi[half / 2 + 1];                                       \
        er[0] = R[0] + R[half];                                                                                         \
        or[0] = R[0] - R[half];                                                                                         \
        er[half / 2] = 2 * R[half / 2];                                                                                 \
        or[half / 2] = -2 * I[half / 2];                                                                                \
        C2_UNROLL                                                                                                       \
        for (int k = 1; k < half / 2; ++k) {                                                                            \
            er[k] = R[k] + R[half - k];                                                                                 \
            ei[k] = I[k] - I[half - k];                                                                                 \
            NAME(turned)(k * 16 / n, I[k] + I[half - k], R[k] - R[half - k], &oi[k], &or[k]);                           \
        }                                                                                                               \
        NAME(from_real_##half)(er, ei, x, 2 * step);                                                                    \
        NAME(from_real_##half)(or, oi, x + step, 2 * step);                                                             \
    }
C2_REAL(4, 2)
C2_REAL(8, 4)
C2_REAL(16, 8)
#undef C2_REAL
#undef C2_UNROLL

INLINE void NAME(put_complex)(V re, V im, float *v, ptrdiff_t point)
{
    NAME(store)(v, re + im);
    NAME(store)(v + point, im);
    NAME(store)(v + 2 * point, re);
}

INLINE void NAME(take_complex)(const float *v, ptrdiff_t point, V *re, V *im)
{
    V sum = NAME(load)(v);
    *re = sum - NAME(load)(v + point);
    *im = sum + NAME(load)(v + 2 * point);
}

INLINE void NAME(real)(int t, const V *x, int step, V *R, V *I)
{
    if (t == 8)
        NAME(real_8)(x, step, R, I);
    else
        NAME(real_16)(x, step, R, I);
}

INLINE void NAME(from_real)(int t, const V *R, const V *I, V *x, int step)
{
    if (t == 8)
        NAME(from_real_8)(R, I, x, step);
    else
        NAME(from_real_16)(R, I, x, step);
}

INLINE void NAME(complex)(int t, const V *re, const V *im, int step, V *R, V *I)
{
    if (t == 8)
        NAME(complex_8)(re, im, step, R, I);
    else
        NAME(complex_16)(re, im, step, R, I);
}

enum { NAME(WIDE) = 9 }; /* columns of a tile whose rows are transformed, at most */

/* The points of a real column: its first and last number, then the complex ones between them. */
INLINE void NAME(real_column)(int t, const V *column, float *v, ptrdiff_t point)
{
    V R[9], I[9];
    NAME(real)(t, column, NAME(WIDE), R, I);
    NAME(store)(v, R[0]);
    NAME(store)(v + point, R[t / 2]);
#pragma GCC unroll 8
    for (int k = 1; k < t / 2; ++k)
        NAME(put_complex)(R[k], I[k], v + (3 * k - 1) * point, point);
}

INLINE void NAME(from_real_column)(int t, const float *v, ptrdiff_t point, V *column)
{
    V R[9], I[9];
    R[0] = NAME(load)(v);
    R[t / 2] = NAME(load)(v + point);
#pragma GCC unroll 8
    for (int k = 1; k < t / 2; ++k)
        NAME(take_complex)(v + (3 * k - 1) * point, point, R + k, I + k);
    NAME(from_real)(t, R, I, column, NAME(WIDE));
}

INLINE void NAME(fourier_forward)(int t, const float *x, ptrdiff_t row, float *v, ptrdiff_t point)
{
    V re[16][NAME(WIDE)], im[16][NAME(WIDE)];
    for (int i = 0; i < t; ++i) {
        V d[16];
#pragma GCC unroll 16
        for (int j = 0; j < t; ++j)
            d[j] = NAME(load)(x + i * row + j * 16);
        NAME(real)(t, d, 1, re[i], im[i]);
    }
    NAME(real_column)(t, re[0], v, point);
    NAME(real_column)(t, re[0] + t / 2, v + (3 * t / 2 - 1) * point, point);
    v += (3 * t - 2) * point;
    for (int j = 1; j < t / 2; ++j, v += 3 * t * point) {
        V R[16], I[16];
        NAME(complex)(t, re[0] + j, im[0] + j, NAME(WIDE), R, I);
#pragma GCC unroll 16
        for (int k = 0; k < t; ++k)
            NAME(put_complex)(R[k], I[k], v + 3 * k * point, point);
    }
}

INLINE void NAME(fourier_backward)(int t, const float *v, ptrdiff_t point, const c2_target *to)
{
    V re[16][NAME(WIDE)], im[16][NAME(WIDE)];
    NAME(from_real_column)(t, v, point, re[0]);
    NAME(from_real_column)(t, v + (3 * t / 2 - 1) * point, point, re[0] + t / 2);
    v += (3 * t - 2) * point;
    for (int j = 1; j < t / 2; ++j, v += 3 * t * point) {
        V R[16], I[16], r[16], i[16];
#pragma GCC unroll 16
        for (int k = 0; k < t; ++k)
            NAME(take_complex)(v + 3 * k * point, point, R + k, I + k);
        NAME(complex)(t, I, R, 1, i, r);
#pragma GCC unroll 16
        for (int k = 0; k < t; ++k)
            re[k][j] = r[k], im[k][j] = i[k];
    }
    for (ptrdiff_t i = 0; i < to->rows; ++i) {
        V o[16];
        NAME(from_real)(t, re[i], im[i], o, 1);
        NAME(put_row)(to, i, t, o);
    }
}
