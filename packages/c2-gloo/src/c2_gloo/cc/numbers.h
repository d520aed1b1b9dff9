/* Kinds of numbers and operations as C++ types and functions. */
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <gloo/types.h>

/* What failed last in this thread. */
extern thread_local std::string c2_failure;

using Reduce = void (*)(void *, const void *, const void *, size_t);

/* float16 as its bits, computed with in float32. (Gloo's own type compares a number with bits when it is assigned to, and
 * so loses some assignments.) */
struct Half {
    uint16_t bits;
    Half() = default;
    Half(float value) : bits(gloo::cpu_float2half_rn(value).x) {}
    operator float() const
    {
        gloo::float16 half;
        half.x = bits;
        return gloo::cpu_half2float(half);
    }
};

struct Sum { template <typename T> auto operator()(T x, T y) const { return x + y; } };
struct Product { template <typename T> auto operator()(T x, T y) const { return x * y; } };
struct Least { template <typename T> auto operator()(T x, T y) const { return y < x ? y : x; } };
struct Most { template <typename T> auto operator()(T x, T y) const { return y > x ? y : x; } };

/* c[i] = function(a[i], b[i]); c may be a or b. */
template <typename T, typename Function> void each(void *c, const void *a, const void *b, size_t n)
{
    T *to = static_cast<T *>(c);
    const T *x = static_cast<const T *>(a), *y = static_cast<const T *>(b);
    for (size_t i = 0; i < n; ++i)
        to[i] = T(Function()(x[i], y[i]));
}

template <typename T> Reduce operation_of(int operation)
{
    const Reduce all[] = {each<T, Sum>, each<T, Product>, each<T, Least>, each<T, Most>};
    return all[operation];
}

/* Calls work(T *) for the type that `numbers` stands for. */
template <typename Work> void with_type(int numbers, const Work &work)
{
    switch (numbers) {
    case 0: return work(static_cast<float *>(nullptr));
    case 1: return work(static_cast<double *>(nullptr));
    case 2: return work(static_cast<int32_t *>(nullptr));
    case 3: return work(static_cast<int64_t *>(nullptr));
    case 4: return work(static_cast<uint8_t *>(nullptr));
    case 5: return work(static_cast<int8_t *>(nullptr));
    case 6: return work(static_cast<Half *>(nullptr));
    default: throw std::runtime_error("no such numbers");
    }
}

/* 0, or 1 where the work throws. */
template <typename Work> int guarded(const Work &work)
{
    try {
        work();
        return 0;
    } catch (const std::exception &error) {
        c2_failure = error.what();
        return 1;
    }
}
