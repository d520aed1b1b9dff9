/* Convolution by nnp_convolution_inference of the NNPACK library, whose address is `function`: image by image and group by
 * group, as it takes one at a time. Images are plain; K and C are those of a group. `transformed` are filters that the
 * library made before, each group's `transformed_bytes` after the one's before; else the call's filters are read. `zeros`
 * serve as bias where there is none. The threads of `pool` are those of `process`: a child of fork has none. Positions are those among the call's buffers. Returns the library's status. */
typedef struct { size_t width, height; } c2_nnp_size;
typedef struct { size_t top, right, bottom, left; } c2_nnp_padding;
typedef struct {
    void *function, *pool;
    int algorithm, strategy, activation, bias, output, scratch, process;
    size_t N, group, C, K, workspace, transformed_bytes;
    c2_nnp_size input, result, kernel, stride;
    c2_nnp_padding pads;
    const float *zeros;
    const char *transformed;
} c2_library;
int c2_run_library(void *context, void *const *buffers);
