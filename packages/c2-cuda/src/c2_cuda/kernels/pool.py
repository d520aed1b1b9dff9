"""MaxPool, AveragePool and AveragePool's gradient by cuDNN.

MaxPool's gradient is CUDA C of our own: where a window holds its greatest element several times, Caffe2 gives
all of them the gradient, and cuDNN one.
"""

from __future__ import annotations

from c2.ops.pool.pool import NAMES, infer_pool, pool_window
from c2.registry import kernel
from c2_cuda.cudnn import descriptors
from c2_cuda.cudnn.handle import handle
from c2_cuda.cudnn.library import library
from c2_cuda.cudnn.numbers import Pooling
from c2_cuda.kernels.limits import image, plain
from c2_cuda.nvidia import address


def takes_max(X, *, order, **window):
    return plain(library, X) or image(X, pool_window(X, order, window))


def takes_average(X, *others, order, count_include_pad, **window):
    return plain(library, X, *others) or image(X, pool_window(X, order, window))


class _Pool:
    """Descriptors of a pool, its images and its results."""

    def __init__(self, xp, X, order, window, mode):
        self.xp, self.spec = xp, infer_pool(X, order=order, window=window)
        order = order.upper()
        self.pooling = descriptors.pooling(pool_window(X, order, window), mode)
        self.images = descriptors.tensor(X.shape, X.dtype, order)
        self.results = descriptors.tensor(self.spec.shape, X.dtype, order)
        self.one, self.zero = descriptors.scalar(1, X.dtype), descriptors.scalar(0, X.dtype)

    def __call__(self, X, out=None):
        Y = self.xp.empty(self.spec.shape, self.spec.dtype) if out is None else out
        h = handle(self.xp)
        h.library.call(
            "PoolingForward", h.on_current_stream(), self.pooling, self.one, self.images, address(X), self.zero,
            self.results, address(Y),
        )  # fmt: skip
        return Y


def _mode(count_include_pad):
    if count_include_pad:
        return Pooling.POOLING_AVERAGE_COUNT_INCLUDE_PADDING
    return Pooling.POOLING_AVERAGE_COUNT_EXCLUDE_PADDING


@kernel(*(f"MaxPool{n}" for n in NAMES), device="CUDA", engine="CUDNN", supports=takes_max)
class MaxPool(_Pool):
    def __init__(self, xp, X, *, order, **window):
        super().__init__(xp, X, order, window, Pooling.POOLING_MAX)


@kernel(*(f"AveragePool{n}" for n in NAMES), device="CUDA", engine="CUDNN", supports=takes_average)
class AveragePool(_Pool):
    def __init__(self, xp, X, *, order, count_include_pad, **window):
        super().__init__(xp, X, order, window, _mode(count_include_pad))


@kernel(
    *(f"AveragePool{n}Gradient" for n in NAMES), device="CUDA", engine="CUDNN", supports=takes_average
)  # fmt: skip
class AveragePoolGradient(_Pool):
    def __init__(self, xp, X, Y, dY, *, order, count_include_pad, **window):
        super().__init__(xp, X, order, window, _mode(count_include_pad))

    def __call__(self, X, Y, dY, out=None):
        dX = self.xp.empty(X.shape, X.dtype) if out is None else out
        h = handle(self.xp)
        h.library.call(
            "PoolingBackward", h.on_current_stream(), self.pooling, self.one, self.results, address(Y), self.results,
            address(dY), self.images, address(X), self.zero, self.images, address(dX),
        )  # fmt: skip
        return dX
