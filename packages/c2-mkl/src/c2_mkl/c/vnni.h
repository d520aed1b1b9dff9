/* Sums of products of bytes by AVX-512 VNNI: what own kernels on 8-bit numbers are compiled for. */
#ifndef C2_VNNI_H
#define C2_VNNI_H

#include <immintrin.h>

#define VNNI __attribute__((target("fma,avx512f,avx512bw,avx512vl,avx512vnni")))
#define INLINE VNNI static inline __attribute__((always_inline))

#endif
