"""LRN and its gradient by cuDNN."""

from __future__ import annotations

from c2.registry import kernel
from c2_cuda.cudnn import descriptors
from c2_cuda.cudnn.handle import handle
from c2_cuda.cudnn.library import library
from c2_cuda.cudnn.numbers import LRN as Mode
from c2_cuda.kernels.limits import plain
from c2_cuda.nvidia import address

SIZES, LEAST_BETA, LEAST_BIAS = (
    range(1, 17),
    0.01,
    1e-5,
)  # CUDNN_LRN_MIN_N to _MAX_N, _MIN_BETA, _MIN_K


def takes(X, *others, size, alpha, beta, bias, order, n_outputs=1):
    """None, or why the portable kernel serves."""
    if size not in SIZES or size % 2 == 0:
        return f"cuDNN's windows have an odd size up to {SIZES[-1]}, got {size}"
    if beta < LEAST_BETA or bias < LEAST_BIAS:
        return (
            f"cuDNN takes beta from {LEAST_BETA} and bias from {LEAST_BIAS}, got {beta} and {bias}"
        )
    if n_outputs > 1:
        return "cuDNN does not give the second output, scale"
    if not 3 <= X.ndim <= 5:
        return f"cuDNN takes images of 1 to 3 spatial axes, got {X.ndim - 2}"
    return plain(library, X, *others)


class _LRN:
    def __init__(self, xp, X, size, alpha, beta, bias, order):
        self.xp, self.lrn = xp, descriptors.lrn(size, alpha, beta, bias)
        self.images = descriptors.tensor(X.shape, X.dtype, order.upper())
        self.one, self.zero = descriptors.scalar(1, X.dtype), descriptors.scalar(0, X.dtype)


@kernel("LRN", device="CUDA", engine="CUDNN", supports=takes)
class LRN(_LRN):
    def __init__(self, xp, X, *, size, alpha, beta, bias, order, n_outputs):
        super().__init__(xp, X, size, alpha, beta, bias, order)

    def __call__(self, X, out=None):
        Y = self.xp.empty_like(X) if out is None else out
        h = handle(self.xp)
        h.library.call(
            "LRNCrossChannelForward", h.on_current_stream(), self.lrn, Mode.LRN_CROSS_CHANNEL_DIM1, self.one,
            self.images, address(X), self.zero, self.images, address(Y),
        )  # fmt: skip
        return Y


@kernel("LRNGradient", device="CUDA", engine="CUDNN", supports=takes)
class LRNGradient(_LRN):
    def __init__(self, xp, X, Y, dY, *, size, alpha, beta, bias, order):
        super().__init__(xp, X, size, alpha, beta, bias, order)

    def __call__(self, X, Y, dY, out=None):
        dX = self.xp.empty_like(X) if out is None else out
        h = handle(self.xp)
        h.library.call(
            "LRNCrossChannelBackward", h.on_current_stream(), self.lrn, Mode.LRN_CROSS_CHANNEL_DIM1, self.one,
            self.images, address(Y), self.images, address(dY), self.images, address(X), self.zero, self.images,
            address(dX),
        )  # fmt: skip
        return dX
