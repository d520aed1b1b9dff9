/* Y = A B + bias, one matrix per index of the third axis. Strides are in elements, so that a transposed matrix is
   only another pair of strides. A group of TILE x TILE work items holds a tile of A and one of B in local memory. */
#define TILE 16

kernel __attribute__((reqd_work_group_size(TILE, TILE, 1)))
void product(const int M, const int N, const int K, const int a_row, const int a_column, const int b_row,
             const int b_column, global const REAL *A, global const REAL *B, global const REAL *bias,
             const int has_bias, global REAL *Y)
{
    local REAL a_tile[TILE][TILE + 1], b_tile[TILE][TILE + 1];
    const int column = get_local_id(0), row = get_local_id(1);
    const int n = get_global_id(0), m = get_global_id(1);
    REAL sum = has_bias && n < N ? bias[n] : 0;
    for (int k = 0; k < K; k += TILE) {
        a_tile[row][column] = m < M && k + column < K ? A[m * a_row + (k + column) * a_column] : 0;
        b_tile[row][column] = k + row < K && n < N ? B[(k + row) * b_row + n * b_column] : 0;
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int i = 0; i < TILE; ++i)
            sum += a_tile[row][i] * b_tile[i][column];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (m < M && n < N)
        Y[m * N + n] = sum;
}

kernel void column_sums(const int M, const int N, global const REAL *Y, global REAL *sums)
{
    const int n = get_global_id(0);
    REAL sum = 0;
    for (int m = 0; m < M; ++m)
        sum += Y[m * N + n];
    sums[n] = sum;
}
