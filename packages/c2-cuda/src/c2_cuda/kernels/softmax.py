"""Softmax and its gradient by cuDNN."""

from __future__ import annotations

from c2.ops.linear.flatten import as_matrix
from c2.registry import kernel
from c2_cuda.cudnn import descriptors
from c2_cuda.cudnn.handle import handle
from c2_cuda.cudnn.library import library
from c2_cuda.cudnn.numbers import Softmax as Numbers
from c2_cuda.kernels.limits import plain
from c2_cuda.nvidia import address


def takes(*specs, axis):
    return plain(library, *specs)


class _Softmax:
    def __init__(self, xp, X, axis):
        self.xp, self.rows = xp, descriptors.tensor(as_matrix(X.shape, axis), X.dtype)
        self.one, self.zero = descriptors.scalar(1, X.dtype), descriptors.scalar(0, X.dtype)

    def how(self, h):
        return (
            h.on_current_stream(),
            Numbers.SOFTMAX_ACCURATE,
            Numbers.SOFTMAX_MODE_INSTANCE,
            self.one,
        )


@kernel("Softmax", device="CUDA", engine="CUDNN", supports=takes)
class Softmax(_Softmax):
    def __init__(self, xp, X, *, axis):
        super().__init__(xp, X, axis)

    def __call__(self, X, out=None):
        Y = self.xp.empty_like(X) if out is None else out
        h = handle(self.xp)
        h.library.call(
            "SoftmaxForward", *self.how(h), self.rows, address(X), self.zero, self.rows, address(Y)
        )
        return Y


@kernel("SoftmaxGradient", device="CUDA", engine="CUDNN", supports=takes)
class SoftmaxGradient(_Softmax):
    def __init__(self, xp, Y, dY, *, axis):
        super().__init__(xp, Y, axis)

    def __call__(self, Y, dY, out=None):
        dX = self.xp.empty_like(Y) if out is None else out
        h = handle(self.xp)
        h.library.call(
            "SoftmaxBackward", *self.how(h), self.rows, address(Y), self.rows, address(dY), self.zero, self.rows,
            address(dX),
        )  # fmt: skip
        return dX
