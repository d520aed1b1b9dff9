/* Compiles the file BODY once per width of vectors, for the instructions that such vectors need: 16 floats for AVX-512, 8
 * for AVX2 with FMA, 4 for whatever the compiler is told (SSE on x86-64, NEON on aarch64). In BODY, LANES is the width,
 * NAME(x) makes a name of that width's own, V is the vector, REGISTERS how many of them the CPU holds. OF_WIDTH(lanes, x) is
 * x of a width that c2_lanes gave. */
#if defined(__x86_64__)
#include <immintrin.h>
#pragma GCC push_options
#pragma GCC target("avx512f,avx2,fma")
#define LANES 16
#define NAME(name) name##_16
#include "lanes.h"
#include BODY
#include "lanes_end.h"
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c")
#define LANES 8
#define NAME(name) name##_8
#include "lanes.h"
#include BODY
#include "lanes_end.h"
#pragma GCC pop_options
#define OF_WIDTH(lanes, name) (*((lanes) == 16 ? &name##_16 : (lanes) == 8 ? &name##_8 : &name##_4))
#else
#if defined(__aarch64__)
#include <arm_neon.h>
#endif
#define OF_WIDTH(lanes, name) name##_4
#endif
#define LANES 4
#define NAME(name) name##_4
#include "lanes.h"
#include BODY
#include "lanes_end.h"
