/* Which build of the C part this CPU can run: the instructions are those of FLAGS in build_shim.py. */
#include "parallel.h"

const char *c2_widest_build(void)
{
#if defined(__x86_64__)
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                 __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    return avx512 && avx2 ? "avx512" : avx2 ? "avx2" : "base";
#else
    return "base";
#endif
}
