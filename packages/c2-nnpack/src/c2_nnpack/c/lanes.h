/* A vector V of LANES floats, and what operators of C do not say about it. Included by every_width.h. Arithmetic is that of
 * C's operators. REGISTERS is how many vectors the CPU holds at once: blocks of sums are sized by it. */
#if LANES == 16 || defined(__aarch64__)
#define REGISTERS 32
#else
#define REGISTERS 16
#endif
#define V NAME(vector)
#define INLINE static inline __attribute__((always_inline))

typedef float V __attribute__((vector_size(4 * LANES)));
typedef float NAME(unaligned) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

INLINE V NAME(load)(const float *p) { return *(const NAME(unaligned) *)p; }
INLINE void NAME(store)(float *p, V a) { *(NAME(unaligned) *)p = a; }
INLINE V NAME(set)(float x) { return x - (V){0}; }

/* low where a < low, high where a > high, else a: NaN stays NaN. */
#if LANES == 16
INLINE V NAME(clip)(V a, V low, V high) { return _mm512_min_ps(high, _mm512_max_ps(low, a)); }
#elif LANES == 8
INLINE V NAME(clip)(V a, V low, V high) { return _mm256_min_ps(high, _mm256_max_ps(low, a)); }
#elif defined(__x86_64__)
INLINE V NAME(clip)(V a, V low, V high) { return _mm_min_ps(high, _mm_max_ps(low, a)); }
#elif defined(__aarch64__)
INLINE V NAME(clip)(V a, V low, V high) { return vminq_f32(vmaxq_f32(a, low), high); }
#else
INLINE V NAME(clip)(V a, V low, V high)
{
    for (int k = 0; k < LANES; ++k)
        a[k] = a[k] < low[k] ? low[k] : a[k] > high[k] ? high[k] : a[k];
    return a;
}
#endif

/* a, kept in a register: compilers else load it again for each of its uses, and loads are what there are too few of. */
INLINE V NAME(hold)(V a)
{
#if LANES == 16
    __asm__("" : "+v"(a));
#elif defined(__x86_64__)
    __asm__("" : "+x"(a));
#elif defined(__aarch64__)
    __asm__("" : "+w"(a));
#endif
    return a;
}

/* low where a < low, else a: NaN stays NaN. */
#if LANES == 16
INLINE V NAME(at_least)(V a, V low) { return _mm512_max_ps(low, a); }
#elif LANES == 8
INLINE V NAME(at_least)(V a, V low) { return _mm256_max_ps(low, a); }
#else
INLINE V NAME(at_least)(V a, V low) { return NAME(clip)(a, low, NAME(set)(__builtin_inff())); }
#endif
