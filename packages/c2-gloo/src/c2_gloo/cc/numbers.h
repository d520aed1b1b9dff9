/* Kinds of numbers and operations as C++ types and functions. */
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

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

/* Bytes added up at a time, so that sums are still in the first cache when more is added to them. */
constexpr size_t NEAR = 8 << 10;

/* Adds up one after the other what all ranks have, x[0] + x[1] + ..., and hands sums on: got(sums, first, how many). */
template <typename T, typename Got>
void add_up(const std::vector<const T *> &x, size_t count, Reduce operation, const Got &got)
{
    constexpr size_t most = NEAR / sizeof(T);
    alignas(64) T sums[most];
    for (size_t first = 0; first < count; first += most) {
        const size_t here = std::min(most, count - first);
        operation(sums, x[0] + first, x[1] + first, here);
        for (size_t k = 2; k < x.size(); ++k)
            operation(sums, sums, x[k] + first, here);
        got(sums, first, here);
    }
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
