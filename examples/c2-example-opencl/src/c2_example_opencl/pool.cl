/* Pooling: a work item per element of the result. Follows window.cl. */

/* Elements that the window at output `o` holds: all of them, or those inside the image. */
int counted(global const Geometry *g, const int *o, const int with_pads)
{
    int count = 1;
    for (int a = 0; a < 3; ++a) {
        const int start = o[a] * g->stride[a] - g->head[a];
        const int inside = min(start + g->taps[a], g->in[a]) - max(start, 0);
        count *= with_pads ? g->taps[a] : max(inside, 0);
    }
    return count;
}

kernel void max_pool(global const Geometry *g, global const REAL *X, global REAL *Y)
{
    const int c = get_global_id(1), n = get_global_id(2), taps = box(g->taps);
    int o[3], t[3], i[3];
    unravel(get_global_id(0), g->out, o);
    REAL greatest = -INFINITY;
    for (int tap = 0; tap < taps; ++tap) {
        unravel(tap, g->taps, t);
        if (!reads(g, o, t, i))
            continue;
        const REAL x = X[offset(g->x, n, c, i)];
        greatest = x > greatest || isnan(x) ? x : greatest;
    }
    Y[offset(g->y, n, c, o)] = greatest;
}

kernel void average_pool(global const Geometry *g, global const REAL *X, const int with_pads, global REAL *Y)
{
    const int c = get_global_id(1), n = get_global_id(2), taps = box(g->taps);
    int o[3], t[3], i[3];
    unravel(get_global_id(0), g->out, o);
    REAL sum = 0;
    for (int tap = 0; tap < taps; ++tap) {
        unravel(tap, g->taps, t);
        if (reads(g, o, t, i))
            sum += X[offset(g->x, n, c, i)];
    }
    Y[offset(g->y, n, c, o)] = sum / counted(g, o, with_pads);
}

kernel void max_pool_gradient(global const Geometry *g, global const REAL *X, global const REAL *Y,
                              global const REAL *dY, global REAL *dX)
{
    const int c = get_global_id(1), n = get_global_id(2), taps = box(g->taps);
    int o[3], t[3], i[3];
    unravel(get_global_id(0), g->in, i);
    const REAL x = X[offset(g->x, n, c, i)];
    REAL sum = 0;
    for (int tap = 0; tap < taps; ++tap) {
        unravel(tap, g->taps, t);
        if (read_by(g, i, t, o) && x == Y[offset(g->y, n, c, o)])
            sum += dY[offset(g->y, n, c, o)];
    }
    dX[offset(g->x, n, c, i)] = sum;
}

kernel void average_pool_gradient(global const Geometry *g, global const REAL *dY, const int with_pads,
                                  global REAL *dX)
{
    const int c = get_global_id(1), n = get_global_id(2), taps = box(g->taps);
    int o[3], t[3], i[3];
    unravel(get_global_id(0), g->in, i);
    REAL sum = 0;
    for (int tap = 0; tap < taps; ++tap) {
        unravel(tap, g->taps, t);
        if (read_by(g, i, t, o))
            sum += dY[offset(g->y, n, c, o)] / counted(g, o, with_pads);
    }
    dX[offset(g->x, n, c, i)] = sum;
}
