"""ConvTranspose and its gradient by cuDNN: the convolution that it turns around, with the directions exchanged."""

from __future__ import annotations

from c2.ops.conv.conv_gradient import allocate, gradient_specs
from c2.ops.conv.conv_transpose import infer_conv_transpose
from c2.ops.conv.geometry import channel_axis, resolve_transposed, spatial
from c2.registry import kernel
from c2_cuda.cudnn import descriptors
from c2_cuda.cudnn.algorithms import FILTER_GRADIENT, FORWARD, INPUT_GRADIENT
from c2_cuda.cudnn.convolution import Convolution, wish_of
from c2_cuda.cudnn.handle import handle
from c2_cuda.cudnn.library import library
from c2_cuda.kernels.limits import image, plain
from c2_cuda.nvidia import address


class _Transposed:
    """The convolution whose images are Y and whose results are X."""

    def __init__(self, xp, X, W, order, group, args):
        found = resolve_transposed(spatial(X.shape, order), **args)
        self.spec = infer_conv_transpose(X, W, order=order, group=group, **args)
        order = order.upper()
        self.xp, self.axis = xp, channel_axis(order, X.ndim)
        self.convolution = Convolution(
            xp, self.spec.shape, W.shape, X.dtype, found, group, order, wish_of(X.dtype, **args)
        )
        self.images = descriptors.tensor(self.spec.shape, X.dtype, order)
        self.bias = descriptors.per_channel(self.spec.shape, X.dtype, order)
        self.one, self.zero = descriptors.scalar(1, X.dtype), descriptors.scalar(0, X.dtype)

    def add_bias(self, b, Y):
        h = handle(self.xp)
        h.library.call(
            "AddTensor", h.on_current_stream(), self.one, self.bias, address(b), self.one, self.images, address(Y)
        )  # fmt: skip

    def bias_gradient(self, dY, db):
        h = handle(self.xp)
        h.library.call(
            "ConvolutionBackwardBias", h.on_current_stream(), self.one, self.images, address(dY), self.zero,
            self.bias, address(db),
        )  # fmt: skip


def _declines(X, W, others, order, group, args, *directions):
    import cupy

    reason = plain(library, X, W, *others)
    if reason is None:
        transposed = resolve_transposed(spatial(X.shape, order), **args)
        reason = image(infer_conv_transpose(X, W, order=order, group=group, **args), transposed)
    return reason or _Transposed(cupy, X, W, order, group, args).convolution.why_not(*directions)


def takes(X, W, b=None, *, order, group, no_gradient_to_input=False, **args):
    return _declines(X, W, [b] if b is not None else [], order, group, args, INPUT_GRADIENT)


def takes_gradient(
    X, W, dY, *, order, group, no_bias, n_outputs, no_gradient_to_input=False, **args
):
    wants_input = n_outputs == (2 if no_bias else 3)
    directions = (FILTER_GRADIENT, FORWARD) if wants_input else (FILTER_GRADIENT,)
    return _declines(X, W, [dY], order, group, args, *directions)


@kernel("ConvTranspose", device="CUDA", engine="CUDNN", supports=takes)
class ConvTranspose:
    def __init__(self, xp, X, W, b=None, *, order, group, no_gradient_to_input=False, **args):
        self.xp, self.turned = xp, _Transposed(xp, X, W, order, group, args)

    def __call__(self, X, W, b=None, out=None):
        spec = self.turned.spec
        Y = self.xp.empty(spec.shape, spec.dtype) if out is None else out
        self.turned.convolution.input_gradient(W, X, Y)
        if b is not None:
            self.turned.add_bias(b, Y)
        return Y


@kernel("ConvTransposeGradient", device="CUDA", engine="CUDNN", supports=takes_gradient)
class ConvTransposeGradient:
    def __init__(
        self, xp, X, W, dY, *, order, group, no_bias, n_outputs, no_gradient_to_input=False, **args
    ):  # fmt: skip
        self.xp, self.no_bias, self.n_outputs = xp, no_bias, n_outputs
        self.turned = _Transposed(xp, X, W, order, group, args)
        self.specs = gradient_specs(X, W, dY.shape[self.turned.axis], no_bias, n_outputs)

    def __call__(self, X, W, dY, out=None):
        found = allocate(self.xp, self.specs, self.n_outputs, out)
        dW, *rest = found
        self.turned.convolution.filter_gradient(dY, X, dW)
        if rest and not self.no_bias:
            self.turned.bias_gradient(dY, rest.pop(0))
        if rest:
            self.turned.convolution.forward(dY, W, rest[0])
        return found
