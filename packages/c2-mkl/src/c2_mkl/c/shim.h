/* What Python sees of the C part. Read by cffi too: declarations alone.
 *
 * Every c2_run_* is a native kernel of c2.compile.native: int run(void *context, void *const *buffers).
 * Sizes are in elements (float) unless they are called bytes.
 */

/* -- oneDNN: the functions of its C API that are used, found in the library when it is opened. Handles are void *. */

typedef struct { int major, minor, patch; const char *hash; unsigned cpu_runtime, gpu_runtime; } c2_version;

typedef struct {
    const c2_version *(*version)(void);
    int (*get_effective_cpu_isa)(void);
    int (*set_max_cpu_isa)(int bits);
    int (*engine_create)(void **engine, int kind, size_t index);
    int (*stream_create)(void **stream, void *engine, unsigned flags);
    int (*stream_destroy)(void *stream);
    int (*memory_desc_create_with_strides)(void **md, int ndims, const int64_t *dims, int type, const int64_t *strides);
    int (*memory_desc_create_with_tag)(void **md, int ndims, const int64_t *dims, int type, int tag);
    int (*memory_desc_destroy)(void *md);
    int (*memory_desc_equal)(const void *a, const void *b);
    size_t (*memory_desc_get_size)(const void *md);
    int (*memory_create)(void **memory, const void *md, void *engine, void *handle);
    int (*memory_destroy)(void *memory);
    int (*memory_set_data_handle)(void *memory, void *handle);
    int (*primitive_attr_create)(void **attributes);
    int (*primitive_attr_destroy)(void *attributes);
    int (*primitive_attr_set_scratchpad_mode)(void *attributes, int mode);
    int (*primitive_attr_set_post_ops)(void *attributes, const void *post_ops);
    int (*primitive_attr_set_scales_mask)(void *attributes, int argument, int mask);
    int (*primitive_attr_set_zero_points_mask)(void *attributes, int argument, int mask);
    int (*post_ops_create)(void **post_ops);
    int (*post_ops_destroy)(void *post_ops);
    int (*post_ops_append_sum)(void *post_ops, float scale, int32_t zero_point, int type);
    int (*post_ops_append_eltwise)(void *post_ops, int kind, float alpha, float beta);
    int (*post_ops_append_prelu)(void *post_ops, int mask);
    int (*convolution_forward_primitive_desc_create)(
        void **pd, void *engine, int propagation, int algorithm, const void *source, const void *weights, const void *bias,
        const void *target, const int64_t *strides, const int64_t *dilations, const int64_t *head, const int64_t *tail,
        const void *attributes);
    int (*convolution_backward_data_primitive_desc_create)(
        void **pd, void *engine, int algorithm, const void *d_source, const void *weights, const void *d_target,
        const int64_t *strides, const int64_t *dilations, const int64_t *head, const int64_t *tail, const void *forward,
        const void *attributes);
    int (*convolution_backward_weights_primitive_desc_create)(
        void **pd, void *engine, int algorithm, const void *source, const void *d_weights, const void *d_bias,
        const void *d_target, const int64_t *strides, const int64_t *dilations, const int64_t *head, const int64_t *tail,
        const void *forward, const void *attributes);
    int (*deconvolution_forward_primitive_desc_create)(
        void **pd, void *engine, int propagation, int algorithm, const void *source, const void *weights, const void *bias,
        const void *target, const int64_t *strides, const int64_t *dilations, const int64_t *head, const int64_t *tail,
        const void *attributes);
    int (*deconvolution_backward_data_primitive_desc_create)(
        void **pd, void *engine, int algorithm, const void *d_source, const void *weights, const void *d_target,
        const int64_t *strides, const int64_t *dilations, const int64_t *head, const int64_t *tail, const void *forward,
        const void *attributes);
    int (*deconvolution_backward_weights_primitive_desc_create)(
        void **pd, void *engine, int algorithm, const void *source, const void *d_weights, const void *d_bias,
        const void *d_target, const int64_t *strides, const int64_t *dilations, const int64_t *head, const int64_t *tail,
        const void *forward, const void *attributes);
    int (*inner_product_forward_primitive_desc_create)(
        void **pd, void *engine, int propagation, const void *source, const void *weights, const void *bias,
        const void *target, const void *attributes);
    int (*inner_product_backward_data_primitive_desc_create)(
        void **pd, void *engine, const void *d_source, const void *weights, const void *d_target, const void *forward,
        const void *attributes);
    int (*inner_product_backward_weights_primitive_desc_create)(
        void **pd, void *engine, const void *source, const void *d_weights, const void *d_bias, const void *d_target,
        const void *forward, const void *attributes);
    int (*matmul_primitive_desc_create)(
        void **pd, void *engine, const void *source, const void *weights, const void *bias, const void *target,
        const void *attributes);
    int (*lrn_forward_primitive_desc_create)(
        void **pd, void *engine, int propagation, int algorithm, const void *source, const void *target, int64_t size,
        float alpha, float beta, float k, const void *attributes);
    int (*reorder_primitive_desc_create)(
        void **pd, const void *source, void *source_engine, const void *target, void *target_engine, const void *attributes);
    int (*pooling_forward_primitive_desc_create)(
        void **pd, void *engine, int propagation, int algorithm, const void *source, const void *target,
        const int64_t *strides, const int64_t *kernel, const int64_t *dilations, const int64_t *head, const int64_t *tail,
        const void *attributes);
    int (*eltwise_forward_primitive_desc_create)(
        void **pd, void *engine, int propagation, int algorithm, const void *source, const void *target, float alpha,
        float beta, const void *attributes);
    int (*binary_primitive_desc_create)(
        void **pd, void *engine, int algorithm, const void *a, const void *b, const void *target, const void *attributes);
    int (*primitive_desc_query)(const void *pd, int what, int index, void *result);
    const void *(*primitive_desc_query_md)(const void *pd, int what, int index);
    int (*primitive_desc_destroy)(void *pd);
    int (*primitive_create)(void **primitive, const void *pd);
    int (*primitive_destroy)(void *primitive);
} c2_onednn;

/* The build of the C part with the widest vectors that this CPU has: "avx512", "avx2" or "base". */
const char *c2_widest_build(void);

/* Opens a library of that major version and fills the table. Gives NULL, or what is wrong; then nothing has changed. */
const char *c2_open(const char *path, int major, c2_onednn *api);

/* The name of the library's OpenMP runtime's file, or NULL where it has none. */
const char *c2_openmp(void);

enum { C2_MOST_ARGUMENTS = 12, C2_MOST_STEPS = 8, C2_MOST_BUFFERS = 40 };

/* A primitive with its arguments: `buffer` is the position in the native call's buffers, or -1 for a fixed one. */
typedef struct { int arg, buffer; void *memory, *handle; } c2_argument;
typedef struct { void *primitive, *stream; int threads, count; c2_argument arguments[12]; } c2_primitive;
int c2_run_primitive(void *context, void *const *buffers);

/* -- several calls as one */

/* `buffers[k]` is the position among the chain's buffers, `offsets[k]` bytes beyond its start. */
typedef struct { void *function, *context; int count; int buffers[40]; ptrdiff_t offsets[40]; } c2_step;
typedef struct { int count; c2_step steps[8]; } c2_chain;
int c2_run_chain(void *context, void *const *buffers);

/* -- own kernels */

enum {
    C2_RELU, C2_LEAKY_RELU, C2_CLIP, C2_SIGMOID, C2_TANH, C2_ELU, C2_SWISH, C2_HARD_SIGMOID, C2_SOFTPLUS, C2_GELU,
    C2_FAST_GELU, C2_SCALE, C2_NEGATIVE, C2_SQR, C2_SQRT, C2_ABS, C2_RECIPROCAL, C2_CUBE, C2_EXP, C2_LOG
};
enum { C2_ADD, C2_SUB, C2_MUL, C2_DIV };

/* Y = f(X), element by element; alpha and beta are the function's parameters. */
typedef struct { ptrdiff_t n; int kind, threads; float alpha, beta; } c2_unary;
int c2_run_unary(void *context, void *const *buffers);

/* C = A op B of equal shapes. */
typedef struct { ptrdiff_t n; int kind, threads; } c2_binary;
int c2_run_binary(void *context, void *const *buffers);

/* Y = X[0] + X[1] + ..., from the left. */
typedef struct { ptrdiff_t n; int count, threads; } c2_sum;
int c2_run_sum(void *context, void *const *buffers);

/* C = A op b[channel]. An image has `planes` planes of `positions` times `block` channels; `channels` in all. */
typedef struct { ptrdiff_t planes, positions, block, channels; int kind, threads; } c2_by_channel;
int c2_run_by_channel(void *context, void *const *buffers);

/* Y = X * factor + shift by channel, with factor = scale / sqrt(var + epsilon), shift = bias - mean * factor.
 * Buffers: X, scale, bias, mean, var, Y, scratch of 2 * channels floats. */
typedef struct { ptrdiff_t planes, positions, block, channels; float epsilon; int threads; } c2_normalize;
int c2_run_normalize(void *context, void *const *buffers);

/* Maximum or average over windows of up to three axes. Buffers: X, Y, scratch of a row per thread. */
typedef struct {
    ptrdiff_t planes, block, inputs[3], outputs[3], kernel[3], stride[3], head[3];
    int average, include_pad, threads;
} c2_pool;
int c2_run_pool(void *context, void *const *buffers);

/* X seen as (kept[0], folded[0], kept[1], folded[1]), its folded axes added up or searched for an extreme, by what
 * `kind` makes of an element; then times factor, and the root where asked. Buffers: X, Y. */
enum { C2_FOLD_SUM, C2_FOLD_ABS, C2_FOLD_SQUARE, C2_FOLD_MAX, C2_FOLD_MIN };
typedef struct { ptrdiff_t kept[2], folded[2]; int kind, root, threads; float factor; } c2_fold;
int c2_run_fold(void *context, void *const *buffers);
/* The gradient, of SQUARE with its root. Buffers: dY, X, Y, dX. */
int c2_run_unfold(void *context, void *const *buffers);

/* Local response normalization, or its gradient, of images as in c2_by_channel; `tile` positions at once, one where
 * channels are in blocks. Buffers: X, Y, dY (X thrice without gradient), the result, S, scratch of
 * threads * 8 * (channels + size) * tile floats. */
typedef struct {
    ptrdiff_t images, channels, positions, block, tile;
    float weight, bias, beta;
    int size, gradient, gives_scale, threads;
} c2_lrn;
int c2_run_lrn(void *context, void *const *buffers);

/* `count` neighbouring parts of rows of `joined` bytes, from `start` on; a part that lies there already is not moved.
 * Buffers: X, the parts. c2_run_put: the one part, then rows in which it stands among zeros. */
typedef struct { ptrdiff_t outer, joined, start, bytes[32]; int count, threads; } c2_split;
int c2_run_split(void *context, void *const *buffers);
int c2_run_put(void *context, void *const *buffers);

/* Copies: for three axes, one after another in `sources`, which input an output is, or -1: then it gets the value. Along
 * the last axis outputs `inside` come from inputs; where `shifted`, from neighbours. Buffers: X, Y. The gradient: dY, dX,
 * scratch of a row of dY per thread. */
typedef struct {
    ptrdiff_t planes, block, inputs[3], outputs[3], inside[2];
    const int32_t *sources;
    float value;
    int shifted, threads;
} c2_resize;
int c2_run_gather_image(void *context, void *const *buffers);
int c2_run_scatter_image(void *context, void *const *buffers);

/* Means of two along each of two axes, the tables of both one after another. Buffers: X, Y (or dY, dX), scratch of a row
 * of X per thread. */
typedef struct {
    ptrdiff_t planes, block, inputs[2], outputs[2];
    const int32_t *firsts, *seconds;
    const float *weights;
    int threads;
} c2_bilinear;
int c2_run_bilinear(void *context, void *const *buffers);
int c2_run_bilinear_gradient(void *context, void *const *buffers);

/* Softmax of rows. */
typedef struct { ptrdiff_t rows, columns; int threads; } c2_softmax;
int c2_run_softmax(void *context, void *const *buffers);

/* Joins `count` inputs: `outer` times, `bytes[k]` of input k. The second output gets `sizes`. */
typedef struct { ptrdiff_t outer, bytes[32]; int32_t sizes[32]; int count, threads; } c2_concat;
int c2_run_concat(void *context, void *const *buffers);

/* Y = X W^T + b for M <= 4 rows, on CPUs that have it. Buffers: X, b, Y. `weights` are what packing made of W, of which
 * element (n, k) stands at n * output_stride + k * k_stride: N rounded up to 16, times K; bfloat16 where `halves`. */
typedef struct {
    ptrdiff_t M, K, N, output_stride, k_stride;
    const void *weights;
    int halves, threads;
} c2_few_rows;
int c2_has_few_rows(void);
void c2_pack_few_rows(const c2_few_rows *context, const float *W, void *packed);
int c2_run_few_rows(void *context, void *const *buffers);

/* n random numbers: normal with mean a and standard deviation b, or uniform over [a, a + b). Buffers: Y. */
typedef struct { ptrdiff_t n; uint64_t seed; float a, b; int normal, threads; } c2_random;
int c2_run_random(void *context, void *const *buffers);

/* Y = X * scale where a random number of [0, 1) is at least `ratio`, else X * 0; the next numbers at every run. Buffers:
 * X, Y, mask (bytes). `seed` is that of the run. */
typedef struct { ptrdiff_t n; uint64_t state, seed; float ratio, scale; int threads; } c2_dropout;
int c2_run_dropout(void *context, void *const *buffers);
/* Buffers: dY, mask, dX. */
int c2_run_dropout_gradient(void *context, void *const *buffers);

/* The same bytes elsewhere; nothing where both are one place. */
typedef struct { ptrdiff_t bytes; } c2_copy;
int c2_run_copy(void *context, void *const *buffers);

/* Averages of images of 8-bit integers with channels last, times factor, as float or rounded to 8 bits. */
enum { C2_AS_FLOAT, C2_AS_U8, C2_AS_S8 };
typedef struct { ptrdiff_t images, positions, channels; int is_signed, form, threads; float factor; } c2_mean;
int c2_run_mean(void *context, void *const *buffers);

/* Rows of sums of products to bytes: (sum + bias of the channel) * factor, rounded, plus the zero point, in least..255.
 * Buffers: int32 sums, uint8 Y. `bias` may be NULL. */
typedef struct {
    ptrdiff_t rows, channels;
    const int32_t *bias;
    double factor;
    int zero_point, least, threads;
} c2_int8_result;
int c2_run_int8_result(void *context, void *const *buffers);

/* Y = a * (A - zero of A) + b * (B - zero of B), rounded, plus the zero point, in least..255. Buffers: uint8 A, B, Y. */
typedef struct { ptrdiff_t n; double a, b; int a_zero, b_zero, zero_point, least, threads; } c2_int8_sum;
int c2_run_int8_sum(void *context, void *const *buffers);

/* Y = values[X], bytes. */
typedef struct { ptrdiff_t n; int threads; const uint8_t *values; } c2_table;
int c2_run_table(void *context, void *const *buffers);

/* Y = sum of factors[k] * X_k, or their product, within low..high and rounded; `is_signed` of each X, then of Y. */
typedef struct {
    ptrdiff_t n;
    int count, is_product, threads;
    float low, high, factors[32];
    int is_signed[33];
} c2_sum_bytes;
int c2_run_sum_bytes(void *context, void *const *buffers);

/* Images of pixels of so many bytes, picked out of others by row and column. */
typedef struct {
    ptrdiff_t images, rows_in, columns_in, height, width, pixel;
    const int64_t *rows, *columns;
    int threads;
} c2_pick;
int c2_run_pick(void *context, void *const *buffers);

/* Writes `bytes` from `source`, which never change. */
typedef struct { ptrdiff_t bytes; const void *source; } c2_constant;
int c2_run_constant(void *context, void *const *buffers);

/* Whether this CPU has what own kernels on 8-bit numbers need: AVX-512 VNNI. */
int c2_has_vnni(void);

/* Y = X W^T * scales + b for M <= 4 rows of 8-bit numbers. Buffers: X, b, Y. Weights, scales and the numbers that sums
 * start from have N rounded up to 64; reduced/few_rows.py makes them. */
typedef struct {
    ptrdiff_t M, K, N;
    const void *weights;
    const float *scales;
    const int32_t *start;
    int is_signed, threads;
} c2_few_rows_bytes;
int c2_run_few_rows_bytes(void *context, void *const *buffers);

/* Depthwise convolutions 3 x 3 of at least 16 channels, which lie last: Y = sum * scale + bias, which must be within
 * int32, rounded and cut off at low and high. Both axes have one stride, 1 or 2. reduced/depthwise.py makes weights and factors. */
typedef struct {
    ptrdiff_t images, inputs[2], outputs[2], channels, head[2];
    const void *weights, *factors;
    int stride, takes_signed, gives_signed, low, high, threads;
} c2_depthwise_bytes;
int c2_run_depthwise_bytes(void *context, void *const *buffers);

/* Images of up to four planes of float, times factor, as 8-bit integers with channels last. */
typedef struct { ptrdiff_t images, positions, channels; int is_signed, threads; float factor; } c2_quantize;
int c2_run_quantize(void *context, void *const *buffers);

/* -- lookups. Positions (data, indices, ...) are those among the call's buffers, -1 where there is none. Codes above 0
 * are 1 + the place of an index that is no row's; those below 0 stand in bags.h. */

enum { C2_ROW_FLOAT, C2_ROW_HALF, C2_ROW_8_BIT, C2_ROW_4_BIT, C2_ROW_2_BIT };

/* out[n] = the sum of weight * row over the places of bag n; without indices, place k picks row k; without lengths,
 * each place is a bag. 8-bit rows end with scale and bias (float), 4-bit and 2-bit ones too (half), unless scale_bias
 * has them. `mapping` (of `mapped` numbers) gives the row for each index, below 0 where it is gone. */
typedef struct {
    ptrdiff_t rows, width, row_bytes, places, bags, mapped, weights_count;
    int kind, wide, positional, mean, threads;
    int data, indices, lengths, mapping, weights, scale_bias, out;
} c2_lookup;
int c2_run_lookup(void *context, void *const *buffers);

/* values[k] = source[n] (* weights[k], or / lengths[n]) for each place k of bag n. Where there is data: products[k] =
 * data[indices[k]] * source[n], summed. */
typedef struct {
    ptrdiff_t rows, width, places, bags;
    int wide, mean, threads;
    int source, lengths, weights, data, indices, values, products;
} c2_spread;
int c2_run_spread(void *context, void *const *buffers);

/* Adagrad on the rows that indices name, in their order where one is named twice: g = grad[k] + weight_decay * param[i];
 * moment[i] += g^2 (its mean where there is one moment per row); param[i] += rate * g / (sqrt(moment[i]) + epsilon). */
typedef struct {
    ptrdiff_t rows, width, places;
    int wide, row_wise, threads;
    float epsilon, weight_decay;
    int param, moment, indices, grad, rate, outputs; /* outputs: the first of two; the same memory as the inputs, or copies */
} c2_adagrad;
int c2_run_adagrad(void *context, void *const *buffers);

/* Rows of numbers (float, or half) as codes with scale and bias (float, or half) behind them, and back. */
typedef struct { ptrdiff_t rows, width; int bits, half_numbers, half_scale, threads; } c2_codes;
int c2_run_encode(void *context, void *const *buffers);
int c2_run_decode(void *context, void *const *buffers);

/* -- training */

enum { C2_BAD_LABEL = 1001 };

/* dX = dY * f'(X), from Y = f(X), or (Gelu) from X; kinds as of c2_unary. Buffers: Y, dY, dX. */
int c2_run_slope(void *context, void *const *buffers);
/* Buffers: X, Y, dY, dX. */
int c2_run_swish_gradient(void *context, void *const *buffers);

/* Gradients of C = A op B of equal shapes: dA = dC * B, dB = dC * A, or dA = dC / B, dB = -dC * C / B.
 * Buffers: dC, B, A or C, dA, dB. */
int c2_run_pair_gradient(void *context, void *const *buffers);

/* Gradients of c2_pool. Buffers: X, Y, dY, dX. */
int c2_run_pool_gradient(void *context, void *const *buffers);

/* Batch normalization by the batch's own moments (see batch_norm.c for the buffers), an image as in c2_by_channel. */
typedef struct {
    ptrdiff_t planes, positions, block, channels;
    float epsilon, momentum;
    int relu, is_test, threads;
} c2_batch_norm;
int c2_run_batch_norm(void *context, void *const *buffers);
int c2_run_batch_norm_gradient(void *context, void *const *buffers);

/* Rows of `channels` times `positions` elements, normalized by their own moments; row_norm.c has the buffers. Without
 * `affine` there is no gamma and no beta; with `inverse` the second moment is 1 / deviation. */
typedef struct {
    ptrdiff_t rows, groups, channels, positions;
    float epsilon;
    int affine, gives_moments, inverse, threads;
} c2_row_norm;
int c2_run_row_norm(void *context, void *const *buffers);
int c2_run_row_norm_gradient(void *context, void *const *buffers);

/* Rows of scores and a label, int32 or (`wide_labels`) int64, for each; see loss.c for the buffers. */
typedef struct { ptrdiff_t rows, columns, top; float scale; int wide_labels, weighted, by_batch; } c2_labelled;
int c2_run_label_cross_entropy(void *context, void *const *buffers);
int c2_run_label_cross_entropy_gradient(void *context, void *const *buffers);
int c2_run_softmax_with_loss(void *context, void *const *buffers);
int c2_run_softmax_with_loss_gradient(void *context, void *const *buffers);
int c2_run_accuracy(void *context, void *const *buffers);
int c2_run_softmax_gradient(void *context, void *const *buffers);

typedef struct { ptrdiff_t n; } c2_averaged;
int c2_run_averaged(void *context, void *const *buffers);
int c2_run_averaged_gradient(void *context, void *const *buffers);

/* One value everywhere, in that buffer. */
typedef struct { ptrdiff_t n; float value; int buffer; } c2_fill;
int c2_run_fill(void *context, void *const *buffers);

/* Losses and distances of rows; see row_loss.c for the buffers. Modes of the cross entropy: plain, log_D_trick, unjoined. */
typedef struct { ptrdiff_t rows, columns; int mode, weighted, threads; } c2_row_loss;
int c2_run_square_distance(void *context, void *const *buffers);
int c2_run_square_distance_gradient(void *context, void *const *buffers);
int c2_run_sigmoid_cross_entropy(void *context, void *const *buffers);
int c2_run_sigmoid_cross_entropy_gradient(void *context, void *const *buffers);

/* Optimizers; see update.c for the buffers. */
typedef struct { ptrdiff_t n; float momentum; int nesterov, update, threads; } c2_momentum;
int c2_run_momentum(void *context, void *const *buffers);
typedef struct { ptrdiff_t n; float beta1, beta2, epsilon; int gives_step, threads; } c2_adam;
int c2_run_adam(void *context, void *const *buffers);
typedef struct { ptrdiff_t n; float epsilon, decay, weight_decay; int outputs, threads; } c2_dense_adagrad;
int c2_run_dense_adagrad(void *context, void *const *buffers);
typedef struct { ptrdiff_t n; float decay, momentum, epsilon; int threads; } c2_rms_prop;
int c2_run_rms_prop(void *context, void *const *buffers);
typedef struct { ptrdiff_t n; int count, threads; } c2_weighted_sum;
int c2_run_weighted_sum(void *context, void *const *buffers);

/* Sets the number of threads that primitives made from now on by this thread will use; gives the number before. */
int c2_set_threads(int threads);
