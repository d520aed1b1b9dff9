/* Vectors of floats from as many float16. Included once per width of vectors. */
#if LANES == 16
INLINE V NAME(load_half)(const uint16_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const void *)p)); }
#elif LANES == 8
INLINE V NAME(load_half)(const uint16_t *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const void *)p)); }
#elif defined(__aarch64__)
INLINE V NAME(load_half)(const uint16_t *p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
#else
/* Exponents are 112 apart; the multiplication makes floats of denormal numbers too. Infinities are never stored. */
INLINE V NAME(load_half)(const uint16_t *p)
{
    typedef uint32_t bits __attribute__((vector_size(4 * LANES), may_alias));
    bits h = {0};
    for (int k = 0; k < LANES; ++k)
        h[k] = p[k];
    V size = (V)((h & 0x7fff) << 13) * 0x1p112f;
    return (V)((bits)size | (h & 0x8000) << 16);
}
#endif
