/* LANES x LANES numbers, rows to columns. Included once per width of vectors. */
#if LANES == 16
#define C2_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define C2_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif LANES == 8
#define C2_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define C2_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define C2_LOW 0, 4, 1, 5
#define C2_HIGH 2, 6, 3, 7
#endif
#if defined(__clang__)
#define C2_ZIP(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
typedef int NAME(places) __attribute__((vector_size(4 * LANES)));
#define C2_ZIP(a, b, ...) __builtin_shuffle(a, b, (NAME(places)){__VA_ARGS__})
#endif

/* The first `count` rows, so many floats apart; the others count as zeros. */
INLINE void NAME(transpose)(const float *from, ptrdiff_t row, int count, V *to)
{
    V half[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; ++i)
        to[i] = i < count ? NAME(load)(from + i * row) : (V){0};
#pragma GCC unroll 4
    for (int done = 1; done < LANES; done *= 2) {
#pragma GCC unroll 8
        for (int i = 0; i < LANES / 2; ++i) {
            half[2 * i] = C2_ZIP(to[i], to[i + LANES / 2], C2_LOW);
            half[2 * i + 1] = C2_ZIP(to[i], to[i + LANES / 2], C2_HIGH);
        }
#pragma GCC unroll 16
        for (int i = 0; i < LANES; ++i)
            to[i] = half[i];
    }
}
#undef C2_ZIP
#undef C2_LOW
#undef C2_HIGH
