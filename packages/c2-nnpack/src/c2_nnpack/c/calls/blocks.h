/* A window that slides over planes (H, W, 16): N images with `blocks` of 16 channels each, the last block filled up with
 * zeros. Pairs are (along the height, along the width); `head` are the pads above and to the left, and tap i of output o
 * reads o * stride + i * dilation - head. */
typedef struct {
    ptrdiff_t N, blocks, inputs[2], outputs[2], kernel[2], stride[2], dilation[2], head[2];
} c2_window;
