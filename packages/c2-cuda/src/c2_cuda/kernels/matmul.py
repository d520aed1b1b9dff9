"""MatMul and BatchMatMul by cuBLASLt."""

from __future__ import annotations

from math import prod

import numpy as np

from c2.ops.linear.flatten import as_matrix
from c2.registry import kernel
from c2_cuda.cublas.library import library
from c2_cuda.cublas.product import Matrix, Product
from c2_cuda.kernels.limits import plain


def takes(A, B, shape_like=None, **args):
    """None, or why the portable kernel serves."""
    return plain(library, A, B)


def takes_stacks(A, B, **args):
    if 1 in (A.ndim, B.ndim):
        return "a factor is a vector"
    a, b = A.shape[:-2], B.shape[:-2]
    if a != b and 1 not in (prod(a), prod(b)):
        return f"stacks {a} and {b} are broadcast axis by axis"
    return plain(library, A, B)


@kernel("MatMul", device="CUDA", supports=takes)
class MatMul:
    def __init__(self, xp, A, B, shape_like=None, *, axis_a, axis_b, trans_a, trans_b):
        self.xp, self.dtype = xp, A.dtype
        a = Matrix(*as_matrix(A.shape, axis_a), transposed=bool(trans_a))
        b = Matrix(*as_matrix(B.shape, axis_b), transposed=bool(trans_b))
        self.shape = (a.shape[0], b.shape[1]) if shape_like is None else shape_like.shape
        self.product = Product(xp, a, b, A.dtype)

    def __call__(self, A, B, shape_like=None, out=None):
        Y = self.xp.empty(self.shape, self.dtype) if out is None else out
        self.product(A, B, Y)
        return Y


@kernel("BatchMatMul", device="CUDA", supports=takes_stacks)
class BatchMatMul:
    def __init__(self, xp, A, B, *, trans_a, trans_b, broadcast):
        self.xp, self.dtype = xp, A.dtype
        a, b = _stack(A.shape, trans_a), _stack(B.shape, trans_b)
        stack = np.broadcast_shapes(A.shape[:-2], B.shape[:-2])
        self.shape = (*stack, a.shape[0], b.shape[1])
        self.product = Product(xp, a, b, A.dtype, count=prod(stack))

    def __call__(self, A, B, out=None):
        Y = self.xp.empty(self.shape, self.dtype) if out is None else out
        self.product(A, B, Y)
        return Y


def _stack(shape, transposed):
    *stack, rows, columns = shape
    return Matrix(rows, columns, bool(transposed), rows * columns if prod(stack) > 1 else 0)
