"""Operators made of matrix products: FC, FCTransposed, their gradients, MatMul."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from c2.ops.linear.flatten import as_matrix
from c2.registry import kernel
from c2_example_opencl.limits import floats
from c2_example_opencl.runtime import source

TILE = 16


@dataclass(frozen=True)
class Matrix:
    """How an array is read as a matrix: its size, and the steps from row to row and column to column."""

    rows: int
    columns: int
    steps: tuple[int, int]

    @classmethod
    def of(cls, shape, axis):
        rows, columns = as_matrix(shape, axis)
        return cls(rows, columns, (columns, 1))

    @property
    def T(self):
        return Matrix(self.columns, self.rows, self.steps[::-1])


class Product:
    """Y = A B + bias, for matrices that are laid out in one way from call to call."""

    def __init__(self, xp, dtype, A, B):
        assert A.columns == B.rows
        self.sizes = [np.int32(n) for n in (A.rows, B.columns, A.columns, *A.steps, *B.steps)]
        self.items = tuple(-(-n // TILE) * TILE for n in (B.columns, A.rows))
        self.run = xp.kernel(source("product.cl"), "product", dtype)

    def __call__(self, A, B, Y, bias=None):
        has_bias = np.int32(bias is not None)
        self.run(self.items, *self.sizes, A, B, bias, has_bias, Y, group=(TILE, TILE))


def fully_connected(type_, transposed):
    @kernel(type_, device="OPENCL", supports=floats)
    class FC:
        def __init__(self, xp, X, W, b, *, axis, axis_w, **_):
            self.xp, self.dtype = xp, X.dtype
            weights = Matrix.of(W.shape, axis_w)
            weights = weights if transposed else weights.T
            self.shape = (*X.shape[: axis % X.ndim], weights.columns)
            self.product = Product(xp, X.dtype, Matrix.of(X.shape, axis), weights)

        def __call__(self, X, W, b, out=None):
            Y = self.xp.empty(self.shape, self.dtype) if out is None else out
            self.product(X, W, Y, bias=b)
            return Y

    return FC


def fully_connected_gradient(type_, transposed):
    @kernel(type_, device="OPENCL", supports=floats)
    class FCGradient:
        def __init__(self, xp, X, W, dY, *, axis, axis_w, n_outputs, **_):
            self.xp, self.n_outputs = xp, n_outputs
            x, weights = Matrix.of(X.shape, axis), Matrix.of(W.shape, axis_w)
            weights = weights.T if transposed else weights  # (N, K)
            M, N = x.rows, weights.rows
            dy = Matrix(M, N, (N, 1))
            factors = (x.T, dy) if transposed else (dy.T, x)
            self.filter, self.swap = Product(xp, X.dtype, *factors), transposed
            self.image = Product(xp, X.dtype, dy, weights)
            self.sums = xp.kernel(source("product.cl"), "column_sums", X.dtype)
            self.sizes = np.int32(M), np.int32(N)
            self.specs = [(s, X.dtype) for s in (W.shape, (N,), X.shape)]

        def __call__(self, X, W, dY, out=None):
            if out is None:
                out = tuple(self.xp.empty(*s) for s in self.specs[: self.n_outputs])
            self.filter(*((X, dY) if self.swap else (dY, X)), out[0])
            self.sums(self.sizes[1], *self.sizes, dY, out[1])
            if len(out) > 2:
                self.image(dY, W, out[2])
            return out

    return FCGradient


fc = fully_connected("FC", transposed=False)
fc_transposed = fully_connected("FCTransposed", transposed=True)
fc_gradient = fully_connected_gradient("FCGradient", transposed=False)
fc_transposed_gradient = fully_connected_gradient("FCTransposedGradient", transposed=True)


def _supports_matmul(A, B, shape_like=None, **args):
    return floats(A, B)


@kernel("MatMul", device="OPENCL", supports=_supports_matmul)
class MatMul:
    def __init__(self, xp, A, B, shape_like=None, *, axis_a, axis_b, trans_a, trans_b):
        a, b = Matrix.of(A.shape, axis_a), Matrix.of(B.shape, axis_b)
        a, b = a.T if trans_a else a, b.T if trans_b else b
        self.xp, self.dtype = xp, A.dtype
        self.shape = (a.rows, b.columns) if shape_like is None else shape_like.shape
        self.product = Product(xp, A.dtype, a, b)

    def __call__(self, A, B, shape_like=None, out=None):
        Y = self.xp.empty(self.shape, self.dtype) if out is None else out
        self.product(A, B, Y)
        return Y
