"""SpatialBN and its gradient by cuDNN."""

from __future__ import annotations

from c2.ops.norm.channels import channels_of
from c2.registry import kernel
from c2_cuda.cudnn import descriptors
from c2_cuda.cudnn.handle import handle
from c2_cuda.cudnn.library import library
from c2_cuda.cudnn.numbers import BatchNorm
from c2_cuda.kernels.limits import plain
from c2_cuda.nvidia import address

MODE = BatchNorm.BATCHNORM_SPATIAL


def _declines(X, others, order, num_batches):
    if X.dtype.name == "float16":
        return "cuDNN wants float32 moments beside float16 images"
    if not 3 <= X.ndim <= 5:
        return f"cuDNN normalizes images of 1 to 3 spatial axes, got {X.ndim - 2}"
    if num_batches > 1:
        return "cuDNN takes the moments of this batch alone; num_batches is above 1"
    return plain(library, X, *others)


def takes(
    X, scale, bias, mean, var, sums=None, sumsq=None, *, is_test, epsilon, momentum, num_batches, order
):  # fmt: skip
    if not is_test and X.size == channels_of(X, order):
        return "the variance of one element per channel is none, which cuDNN does not say"
    return _declines(X, (scale, bias, mean, var), order, num_batches)


def takes_gradient(
    X, scale, dY, mean, rstd, dscale_sum=None, dbias_sum=None, *, is_test, epsilon, num_batches, order
):  # fmt: skip
    if is_test:
        return "cuDNN differentiates as in training; is_test is given"
    return _declines(X, (scale, dY, mean, rstd), order, num_batches)


class _BatchNorm:
    def __init__(self, xp, X, order, epsilon):
        self.xp, self.epsilon = xp, epsilon
        self.images = descriptors.tensor(X.shape, X.dtype, order.upper())
        self.channels = descriptors.per_channel(X.shape, X.dtype, order.upper())
        self.one, self.zero = descriptors.scalar(1, X.dtype), descriptors.scalar(0, X.dtype)


@kernel("SpatialBN", device="CUDA", engine="CUDNN", supports=takes)
class SpatialBN(_BatchNorm):
    def __init__(
        self, xp, X, scale, bias, mean, var, sums=None, sumsq=None, *,
        is_test, epsilon, momentum, num_batches, order,
    ):  # fmt: skip
        super().__init__(xp, X, order, epsilon)
        self.is_test, self.factor = is_test, 1.0 - momentum

    def __call__(self, X, scale, bias, mean, var, sums=None, sumsq=None, out=None):
        xp, h = self.xp, handle(self.xp)
        if self.is_test:
            Y = xp.empty_like(X) if out is None else out
            h.library.call(
                "BatchNormalizationForwardInference", h.on_current_stream(), MODE, self.one, self.zero, self.images,
                address(X), self.images, address(Y), self.channels, *map(address, (scale, bias, mean, var)),
                self.epsilon,
            )  # fmt: skip
            return Y
        found = (xp.empty_like(X), *map(xp.empty_like, (mean,) * 4)) if out is None else out
        Y, new_mean, new_var, saved_mean, saved_rstd = found
        for new, old in ((new_mean, mean), (new_var, var)):
            if new is not old:
                new[...] = old
        h.library.call(
            "BatchNormalizationForwardTraining", h.on_current_stream(), MODE, self.one, self.zero, self.images,
            address(X), self.images, address(Y), self.channels, address(scale), address(bias), self.factor,
            address(new_mean), address(new_var), self.epsilon, address(saved_mean), address(saved_rstd),
        )  # fmt: skip
        return found


@kernel("SpatialBNGradient", device="CUDA", engine="CUDNN", supports=takes_gradient)
class SpatialBNGradient(_BatchNorm):
    def __init__(
        self, xp, X, scale, dY, mean, rstd, dscale_sum=None, dbias_sum=None, *,
        is_test, epsilon, num_batches, order,
    ):  # fmt: skip
        super().__init__(xp, X, order, epsilon)

    def __call__(self, X, scale, dY, mean, rstd, dscale_sum=None, dbias_sum=None, out=None):
        xp, h = self.xp, handle(self.xp)
        found = (
            (xp.empty_like(X), xp.empty_like(scale), xp.empty_like(scale)) if out is None else out
        )
        dX, dscale, dbias = found
        h.library.call(
            "BatchNormalizationBackward", h.on_current_stream(), MODE, self.one, self.zero, self.one, self.zero,
            self.images, address(X), self.images, address(dY), self.images, address(dX), self.channels,
            address(scale), address(dscale), address(dbias), self.epsilon, address(mean), address(rstd),
        )  # fmt: skip
        return found
