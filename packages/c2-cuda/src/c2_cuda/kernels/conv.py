"""Conv and its gradients by cuDNN."""

from __future__ import annotations

from c2.ops.conv.conv_gradient import allocate, gradient_specs
from c2.ops.conv.geometry import resolve_window, spatial
from c2.registry import kernel
from c2_cuda.cudnn.algorithms import FILTER_GRADIENT, FORWARD, INPUT_GRADIENT
from c2_cuda.cudnn.convolution import Convolution, wish_of
from c2_cuda.cudnn.library import library
from c2_cuda.kernels.limits import image, plain

TYPES = ("Conv", "Conv1D", "Conv2D", "Conv3D")


def _convolution(xp, X, W, order, group, args):
    found = resolve_window(spatial(X.shape, order), **args)
    return Convolution(
        xp, X.shape, W.shape, X.dtype, found, group, order.upper(), wish_of(X.dtype, **args)
    )


def _declines(X, W, others, order, group, args, *directions):
    import cupy

    reason = plain(library, X, W, *others) or image(
        X, resolve_window(spatial(X.shape, order), **args)
    )
    return reason or _convolution(cupy, X, W, order, group, args).why_not(*directions)


def takes(X, W, b=None, *, order, group, no_gradient_to_input=False, **args):
    """None, or why the portable kernel serves this convolution."""
    return _declines(X, W, [b] if b is not None else [], order, group, args, FORWARD)


def takes_gradient(
    X, W, dY, *, order, group, no_bias, n_outputs, no_gradient_to_input=False, **args
):
    wants_input = n_outputs == (2 if no_bias else 3)
    directions = (FILTER_GRADIENT, INPUT_GRADIENT) if wants_input else (FILTER_GRADIENT,)
    return _declines(X, W, [dY], order, group, args, *directions)


@kernel(*TYPES, device="CUDA", engine="CUDNN", supports=takes)
class Conv:
    def __init__(self, xp, X, W, b=None, *, order, group, no_gradient_to_input=False, **args):
        self.xp, self.dtype = xp, X.dtype
        self.convolution = _convolution(xp, X, W, order, group, args)

    def __call__(self, X, W, b=None, out=None):
        Y = self.xp.empty(self.convolution.shape, self.dtype) if out is None else out
        self.convolution.forward(X, W, Y)
        if b is not None:
            self.convolution.add_bias(b, Y)
        return Y


@kernel(*(f"{t}Gradient" for t in TYPES), device="CUDA", engine="CUDNN", supports=takes_gradient)
class ConvGradient:
    def __init__(
        self, xp, X, W, dY, *, order, group, no_bias, n_outputs, no_gradient_to_input=False, **args
    ):  # fmt: skip
        self.xp, self.no_bias, self.n_outputs = xp, no_bias, n_outputs
        self.specs = gradient_specs(X, W, W.shape[0], no_bias, n_outputs)
        self.convolution = _convolution(xp, X, W, order, group, args)

    def __call__(self, X, W, dY, out=None):
        found = allocate(self.xp, self.specs, self.n_outputs, out)
        dW, *rest = found
        self.convolution.filter_gradient(X, dY, dW)
        if rest and not self.no_bias:
            self.convolution.bias_gradient(dY, rest.pop(0))
        if rest:
            self.convolution.input_gradient(W, dY, rest[0])
        return found
