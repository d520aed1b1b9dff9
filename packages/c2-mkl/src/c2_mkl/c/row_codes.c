/* Rows of numbers as codes of few bits with a scale and a bias, and back. */
#include "half.h"
#include "parallel.h"

enum { STRIP = 256, GRAIN = 16384 };

static inline __attribute__((always_inline)) float smaller(float a, float b)
{
    return b < a || b != b ? b : a;
}

static inline __attribute__((always_inline)) float larger(float a, float b)
{
    return b > a || b != b ? b : a;
}

static void floats_of_halves(const uint16_t *X, float *Y, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        Y[i] = float_of_half(X[i]);
}

static void halves_of_floats(const float *X, uint16_t *Y, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        Y[i] = half_of_float(X[i]);
}

static void widen_range(const float *X, ptrdiff_t n, float *low, float *high)
{
    enum { LANES = 16 };
    float lows[LANES], highs[LANES];
    ptrdiff_t i = 0;
    for (int k = 0; k < LANES; ++k)
        lows[k] = *low, highs[k] = *high;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; ++k) {
            lows[k] = smaller(lows[k], X[i + k]);
            highs[k] = larger(highs[k], X[i + k]);
        }
    for (; i < n; ++i)
        lows[0] = smaller(lows[0], X[i]), highs[0] = larger(highs[0], X[i]);
    for (int k = 0; k < LANES; ++k)
        *low = smaller(*low, lows[k]), *high = larger(*high, highs[k]);
}

static void codes_of(const float *X, ptrdiff_t n, float bias, float inverse, float largest, uint8_t *codes)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        float code = __builtin_rintf((X[i] - bias) * inverse);
        code = code > 0 ? code : 0; /* NaN becomes 0 */
        codes[i] = (uint8_t)(int)(code < largest ? code : largest);
    }
}

static void numbers_of(const uint8_t *codes, ptrdiff_t n, float scale, float bias, float *X)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        X[i] = (float)codes[i] * scale + bias;
}

/* Some numbers of a row as floats: where they are, or in `strip`. */
static const float *numbers_at(const c2_codes *c, const char *row, ptrdiff_t at, ptrdiff_t n, float *strip)
{
    if (!c->half_numbers)
        return (const float *)row + at;
    floats_of_halves((const uint16_t *)row + at, strip, n);
    return strip;
}

/* Writes scale and bias behind the codes; gives what the codes count from, and the factor that makes them. */
static float tail_of(const c2_codes *c, float low, float high, char *tail, float *inverse)
{
    float largest = (float)((1 << c->bits) - 1);
    if (!c->half_scale) {
        float pair[2] = {(high - low) / largest, low};
        *inverse = largest / (high - low + 1e-8f);
        memcpy(tail, pair, sizeof pair);
        return low;
    }
    uint16_t halves[2] = {0, half_of_float(low)};
    float bias = float_of_half(halves[1]), scale = float_of_half(half_of_float((high - bias) / largest));
    *inverse = 1 / scale;
    if (scale == 0 || __builtin_isinf(*inverse))
        scale = *inverse = 1;
    halves[0] = half_of_float(scale);
    memcpy(tail, halves, sizeof halves);
    return bias;
}

static ptrdiff_t coded_bytes(const c2_codes *c)
{
    return c->width * c->bits / 8;
}

static ptrdiff_t row_bytes(const c2_codes *c)
{
    return coded_bytes(c) + (c->half_scale ? 4 : 8);
}

static void encode_row(const c2_codes *c, const char *row, char *to)
{
    float strip[STRIP], inverse, low = numbers_at(c, row, 0, 1, strip)[0], high = low;
    int per_byte = 8 / c->bits;
    for (ptrdiff_t at = 0; at < c->width; at += STRIP) {
        ptrdiff_t n = c->width - at < STRIP ? c->width - at : STRIP;
        widen_range(numbers_at(c, row, at, n, strip), n, &low, &high);
    }
    float bias = tail_of(c, low, high, to + coded_bytes(c), &inverse), largest = (float)((1 << c->bits) - 1);
    for (ptrdiff_t at = 0; at < c->width; at += STRIP) {
        ptrdiff_t n = c->width - at < STRIP ? c->width - at : STRIP;
        uint8_t codes[STRIP], *bytes = (uint8_t *)to + at / per_byte;
        codes_of(numbers_at(c, row, at, n, strip), n, bias, inverse, largest, per_byte == 1 ? bytes : codes);
        for (ptrdiff_t j = 0; per_byte == 2 && j < n / 2; ++j)
            bytes[j] = (uint8_t)(codes[2 * j] | codes[2 * j + 1] << 4);
        for (ptrdiff_t j = 0; per_byte == 4 && j < n / 4; ++j)
            bytes[j] = (uint8_t)(codes[4 * j] | codes[4 * j + 1] << 2 | codes[4 * j + 2] << 4 | codes[4 * j + 3] << 6);
    }
}

static void decode_row(const c2_codes *c, const char *row, char *to)
{
    int per_byte = 8 / c->bits, mask = (1 << c->bits) - 1;
    uint16_t halves[2];
    float pair[2];
    if (c->half_scale) {
        memcpy(halves, row + coded_bytes(c), sizeof halves);
        pair[0] = float_of_half(halves[0]), pair[1] = float_of_half(halves[1]);
    } else {
        memcpy(pair, row + coded_bytes(c), sizeof pair);
    }
    for (ptrdiff_t at = 0; at < c->width; at += STRIP) {
        ptrdiff_t n = c->width - at < STRIP ? c->width - at : STRIP;
        const uint8_t *bytes = (const uint8_t *)row + at / per_byte;
        uint8_t codes[STRIP];
        float strip[STRIP], *numbers = c->half_numbers ? strip : (float *)to + at;
        for (ptrdiff_t j = 0; per_byte > 1 && j < n / per_byte; ++j)
            for (int k = 0; k < per_byte; ++k)
                codes[j * per_byte + k] = bytes[j] >> k * c->bits & mask;
        numbers_of(per_byte == 1 ? bytes : codes, n, pair[0], pair[1], numbers);
        if (c->half_numbers)
            halves_of_floats(strip, (uint16_t *)to + at, n);
    }
}

static void encode_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_codes *c = context;
    (void)thread;
    for (ptrdiff_t r = first; r < last; ++r)
        encode_row(
            c, (const char *)buffers[0] + r * c->width * (c->half_numbers ? 2 : 4), (char *)buffers[1] + r * row_bytes(c));
}

static void decode_part(const void *context, void *const *buffers, ptrdiff_t first, ptrdiff_t last, int thread)
{
    const c2_codes *c = context;
    (void)thread;
    for (ptrdiff_t r = first; r < last; ++r)
        decode_row(
            c, (const char *)buffers[0] + r * row_bytes(c), (char *)buffers[1] + r * c->width * (c->half_numbers ? 2 : 4));
}

int c2_run_encode(void *context, void *const *buffers)
{
    const c2_codes *c = context;
    c2_parallel(encode_part, c, buffers, c->rows, 1 + GRAIN / c->width, c->threads);
    return 0;
}

int c2_run_decode(void *context, void *const *buffers)
{
    const c2_codes *c = context;
    c2_parallel(decode_part, c, buffers, c->rows, 1 + GRAIN / c->width, c->threads);
    return 0;
}
