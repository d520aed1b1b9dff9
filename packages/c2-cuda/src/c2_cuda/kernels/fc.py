"""FC and FCTransposed with their gradients by cuBLASLt, the bias added in the same kernel."""

from __future__ import annotations

import numpy as np

from c2.ops.linear.flatten import as_matrix
from c2.registry import kernel
from c2_cuda.cublas.library import library
from c2_cuda.cublas.product import Matrix, Product
from c2_cuda.kernels.limits import plain


def takes(*specs, axis, axis_w, float16_compute, n_outputs=1):
    """None, or why the portable kernel serves."""
    return plain(library, *specs)


class _FC:
    """X (M, K) and W, whose rows are outputs, or with `turned` inputs."""

    turned = False

    def __init__(self, xp, X, W, axis, axis_w):
        self.xp, self.dtype = xp, X.dtype
        M, K = as_matrix(X.shape, axis)
        self.x, self.w = Matrix(M, K), Matrix(*as_matrix(W.shape, axis_w))
        N = self.w.columns if self.turned else self.w.rows
        self.y = Matrix(M, N)
        self.shape = (*X.shape[: axis % X.ndim], N)


class _Forward(_FC):
    def __init__(self, xp, X, W, b, *, axis, axis_w, float16_compute):
        super().__init__(xp, X, W, axis, axis_w)
        self.fused = X.dtype != np.float64  # cuBLASLt adds no bias there
        w = Matrix(self.w.rows, self.w.columns, transposed=not self.turned)
        self.product = Product(xp, self.x, w, X.dtype, bias=self.fused)

    def __call__(self, X, W, b, out=None):
        Y = self.xp.empty(self.shape, self.dtype) if out is None else out
        if self.fused:
            self.product(X, W, Y, b)
        else:
            self.product(X, W, Y)
            self.xp.add(Y, b, out=Y)
        return Y


class _Gradient(_FC):
    def __init__(self, xp, X, W, dY, *, axis, axis_w, float16_compute, n_outputs):
        super().__init__(xp, X, W, axis, axis_w)
        M, N = self.y.rows, self.y.columns
        self.specs = [W.shape, (N,), X.shape][:n_outputs]
        left, right = (self.x, self.y) if self.turned else (self.y, self.x)
        self.by_w = Product(xp, Matrix(left.rows, left.columns, transposed=True), right, X.dtype)
        if n_outputs == 3:
            w = Matrix(self.w.rows, self.w.columns, transposed=self.turned)
            self.by_x = Product(xp, Matrix(M, N), w, X.dtype)

    def __call__(self, X, W, dY, out=None):
        found = tuple(self.xp.empty(s, self.dtype) for s in self.specs) if out is None else out
        dW, db, *dX = found
        self.by_w(*((X, dY) if self.turned else (dY, X)), dW)
        wide = self.xp.float32 if self.dtype == np.float16 else self.dtype
        self.xp.sum(dY.reshape(self.y.rows, self.y.columns), axis=0, dtype=wide, out=db)
        if dX:
            self.by_x(dY, W, dX[0])
        return found


@kernel("FC", device="CUDA", supports=takes)
class FC(_Forward):
    pass


@kernel("FCTransposed", device="CUDA", supports=takes)
class FCTransposed(_Forward):
    turned = True


@kernel("FCGradient", device="CUDA", supports=takes)
class FCGradient(_Gradient):
    pass


@kernel("FCTransposedGradient", device="CUDA", supports=takes)
class FCTransposedGradient(_Gradient):
    turned = True
