/* Sums of products of bytes by AVX-512 VNNI: what own kernels on 8-bit numbers are compiled for. */
#ifndef C2_VNNI_H
#define C2_VNNI_H

#if defined(__AVX512BW__) /* the build for AVX-512 has them, for CPUs that have VNNI too */
#define HAS_VNNI 1
#include <immintrin.h>
#else
#define HAS_VNNI 0
#endif

#define VNNI __attribute__((target("avx512vnni")))
#define INLINE VNNI static inline __attribute__((always_inline))

#endif
