/* What convolution and pooling share: up to three spatial axes, with strides in elements so that NCHW and NHWC differ
   in numbers alone. The host fills Geometry as one array of ints; see window.py. */
typedef struct {
    int images, channels, results, depth, group_results; /* N, C, M, C / group, M / group */
    int x[5], w[5], y[5];                                /* strides of (n, c, d, h, w) */
    int taps[3], stride[3], dilation[3], head[3], in[3], out[3];
} Geometry;

/* The coordinates of a flat index in a box. */
void unravel(int index, global const int *sizes, int *at)
{
    for (int a = 2; a >= 0; --a) {
        at[a] = index % sizes[a];
        index /= sizes[a];
    }
}

int offset(global const int *steps, const int n, const int c, const int *at)
{
    return n * steps[0] + c * steps[1] + at[0] * steps[2] + at[1] * steps[3] + at[2] * steps[4];
}

/* Where tap `t` of the window at output `o` reads: false outside the image. */
bool reads(global const Geometry *g, const int *o, const int *t, int *i)
{
    bool inside = true;
    for (int a = 0; a < 3; ++a) {
        i[a] = o[a] * g->stride[a] + t[a] * g->dilation[a] - g->head[a];
        inside = inside && i[a] >= 0 && i[a] < g->in[a];
    }
    return inside;
}

/* The output whose tap `t` reads input `i`: false where there is none. */
bool read_by(global const Geometry *g, const int *i, const int *t, int *o)
{
    bool found = true;
    for (int a = 0; a < 3; ++a) {
        const int from = i[a] + g->head[a] - t[a] * g->dilation[a];
        o[a] = from / g->stride[a];
        found = found && from >= 0 && from % g->stride[a] == 0 && o[a] < g->out[a];
    }
    return found;
}

int box(global const int *sizes) { return sizes[0] * sizes[1] * sizes[2]; }
