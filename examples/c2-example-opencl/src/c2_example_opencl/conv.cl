/* Direct convolution: a work item per element of the result. Follows window.cl. */

kernel void convolve(global const Geometry *g, global const REAL *X, global const REAL *W, global const REAL *b,
                     const int has_bias, global REAL *Y)
{
    const int m = get_global_id(1), n = get_global_id(2);
    const int first = m / g->group_results * g->depth, taps = box(g->taps);
    int o[3], t[3], i[3];
    unravel(get_global_id(0), g->out, o);
    REAL sum = has_bias ? b[m] : 0;
    for (int tap = 0; tap < taps; ++tap) {
        unravel(tap, g->taps, t);
        if (!reads(g, o, t, i))
            continue;
        for (int c = 0; c < g->depth; ++c)
            sum += X[offset(g->x, n, first + c, i)] * W[offset(g->w, m, c, t)];
    }
    Y[offset(g->y, n, m, o)] = sum;
}

kernel void input_gradient(global const Geometry *g, global const REAL *W, global const REAL *dY, global REAL *dX)
{
    const int channel = get_global_id(1), n = get_global_id(2);
    const int c = channel % g->depth, first = channel / g->depth * g->group_results, taps = box(g->taps);
    int o[3], t[3], i[3];
    unravel(get_global_id(0), g->in, i);
    REAL sum = 0;
    for (int tap = 0; tap < taps; ++tap) {
        unravel(tap, g->taps, t);
        if (!read_by(g, i, t, o))
            continue;
        for (int m = first; m < first + g->group_results; ++m)
            sum += W[offset(g->w, m, c, t)] * dY[offset(g->y, n, m, o)];
    }
    dX[offset(g->x, n, channel, i)] = sum;
}

kernel void filter_gradient(global const Geometry *g, global const REAL *X, global const REAL *dY, global REAL *dW)
{
    const int c = get_global_id(1), m = get_global_id(2);
    const int channel = m / g->group_results * g->depth + c, positions = box(g->out);
    int o[3], t[3], i[3];
    unravel(get_global_id(0), g->taps, t);
    REAL sum = 0;
    for (int n = 0; n < g->images; ++n)
        for (int position = 0; position < positions; ++position) {
            unravel(position, g->out, o);
            if (reads(g, o, t, i))
                sum += X[offset(g->x, n, channel, i)] * dY[offset(g->y, n, m, o)];
        }
    dW[offset(g->w, m, c, t)] = sum;
}

kernel void bias_gradient(global const Geometry *g, global const REAL *dY, global REAL *db)
{
    const int m = get_global_id(0), positions = box(g->out);
    int o[3];
    REAL sum = 0;
    for (int n = 0; n < g->images; ++n)
        for (int position = 0; position < positions; ++position) {
            unravel(position, g->out, o);
            sum += dY[offset(g->y, n, m, o)];
        }
    db[m] = sum;
}
