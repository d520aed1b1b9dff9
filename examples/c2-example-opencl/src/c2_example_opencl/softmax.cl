/* One group of WIDTH work items per row of (N, D). */
#define WIDTH 64
#define GROUP kernel __attribute__((reqd_work_group_size(WIDTH, 1, 1))) void

/* All items' values combined, in every item. */
#define REDUCE(name, COMBINE)                                       \
    REAL name(local REAL *shared, const REAL value)                 \
    {                                                               \
        const int item = get_local_id(0);                           \
        shared[item] = value;                                       \
        barrier(CLK_LOCAL_MEM_FENCE);                               \
        for (int half_width = WIDTH / 2; half_width; half_width /= 2) { \
            if (item < half_width)                                  \
                shared[item] = COMBINE(shared[item], shared[item + half_width]); \
            barrier(CLK_LOCAL_MEM_FENCE);                           \
        }                                                           \
        const REAL result = shared[0];                              \
        barrier(CLK_LOCAL_MEM_FENCE);                               \
        return result;                                              \
    }
#define PLUS(a, b) ((a) + (b))
REDUCE(greatest, fmax)
REDUCE(total, PLUS)

GROUP softmax(const int D, global const REAL *X, global REAL *Y)
{
    local REAL shared[WIDTH];
    const int item = get_local_id(0);
    const size_t row = (size_t)get_group_id(0) * D;
    REAL high = -INFINITY, sum = 0;
    for (int d = item; d < D; d += WIDTH)
        high = fmax(high, X[row + d]);
    high = greatest(shared, high);
    for (int d = item; d < D; d += WIDTH)
        sum += exp(X[row + d] - high);
    sum = total(shared, sum);
    for (int d = item; d < D; d += WIDTH)
        Y[row + d] = exp(X[row + d] - high) / sum;
}

GROUP softmax_gradient(const int D, global const REAL *Y, global const REAL *dY, global REAL *dX)
{
    local REAL shared[WIDTH];
    const int item = get_local_id(0);
    const size_t row = (size_t)get_group_id(0) * D;
    REAL sum = 0;
    for (int d = item; d < D; d += WIDTH)
        sum += Y[row + d] * dY[row + d];
    sum = total(shared, sum);
    for (int d = item; d < D; d += WIDTH)
        dX[row + d] = Y[row + d] * (dY[row + d] - sum);
}
