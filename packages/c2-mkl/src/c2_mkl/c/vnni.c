#include "vnni.h"

#include "parallel.h"

int c2_has_vnni(void)
{
#if HAS_VNNI
    return __builtin_cpu_supports("avx512vnni") != 0;
#else
    return 0;
#endif
}
