/* Copies for other cores to read. */
#pragma once
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

/* Copies to memory that another core read before and reads next, aligned to 64 bytes: past the caches, as plain stores
 * would first fetch each line back from the core that has it. stream_done() comes before the other core is told. */
inline void stream(void *to, const void *from, size_t bytes)
{
#if defined(__x86_64__)
    auto *target = static_cast<char *>(to);
    auto *source = static_cast<const char *>(from);
    const size_t lines = bytes / 64 * 64;
    for (size_t k = 0; k < lines; k += 64) {
        __m128i line[4];
        for (size_t n = 0; n < 4; ++n)
            line[n] = _mm_loadu_si128(reinterpret_cast<const __m128i *>(source + k) + n);
        for (size_t n = 0; n < 4; ++n)
            _mm_stream_si128(reinterpret_cast<__m128i *>(target + k) + n, line[n]);
    }
    std::memcpy(target + lines, source + lines, bytes - lines);
#else
    std::memcpy(to, from, bytes);
#endif
}

inline void stream_done()
{
#if defined(__x86_64__)
    _mm_sfence();
#endif
}
