// The gradient of MaxPool: every element that is the greatest of a window gets the window's gradient, as in Caffe2.
#ifdef HALF
#include <cuda_fp16.h>
#endif

// First and last output whose window covers position i along an axis.
#define FIRST(i, k, s, h) ((i) + (h) < (k) ? 0 : ((i) + (h) - (k)) / (s) + 1)
#define LAST(i, o, s, h) (((i) + (h)) / (s) < (o)-1 ? ((i) + (h)) / (s) : (o)-1)

// Images (outer, I0, I1, I2, inner): inner is 1 in order NCHW, and the number of channels in order NHWC.
extern "C" __global__ void max_pool_gradient(const STORED *X, const STORED *Y, const STORED *dY, STORED *dX, int inner,
                                             int I0, int I1, int I2, int O0, int O1, int O2, int k0, int k1, int k2,
                                             int s0, int s1, int s2, int h0, int h1, int h2, int size) {
  const int n = blockIdx.x * blockDim.x + threadIdx.x;
  if (n >= size) return;
  const int c = n % inner, i2 = n / inner % I2, i1 = n / inner / I2 % I1, i0 = n / inner / I2 / I1 % I0;
  const int outer = n / inner / I2 / I1 / I0;
  const REAL x = (REAL)X[n];
  REAL sum = 0;
  for (int a = FIRST(i0, k0, s0, h0); a <= LAST(i0, O0, s0, h0); ++a)
    for (int b = FIRST(i1, k1, s1, h1); b <= LAST(i1, O1, s1, h1); ++b)
      for (int d = FIRST(i2, k2, s2, h2); d <= LAST(i2, O2, s2, h2); ++d) {
        const int o = (((outer * O0 + a) * O1 + b) * O2 + d) * inner + c;
        if ((REAL)Y[o] == x) sum += (REAL)dY[o];
      }
  dX[n] = (STORED)sum;
}
