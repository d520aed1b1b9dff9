"""ConvTranspose and its gradient."""

from math import prod

import numpy as np

from c2.ops.conv.conv import GROUP, NO_INPUT_GRADIENT, SEARCH_ARGS, conv_gradient_maker
from c2.ops.conv.conv_gradient import NO_BIAS, allocate, bias_gradient, gradient_specs
from c2.ops.conv.convolution import Convolution
from c2.ops.conv.direct import channels_last, direct_conv, direct_gradients
from c2.ops.conv.geometry import (
    ADJUST_ARGS,
    KERNEL_ARGS,
    LEGACY_PAD,
    ORDER,
    PAD_ARGS,
    STRIDE_ARGS,
    channel_axis,
    image_shape,
    resolve_transposed,
    spatial,
)
from c2.registry import (
    Case,
    NoGradient,
    OpSchema,
    Tensor,
    TensorSpec,
    cases,
    gradient,
    kernel,
    require,
)
from c2.registry.spec import FLOAT

ARGS = [
    *KERNEL_ARGS, *STRIDE_ARGS, *PAD_ARGS, *ADJUST_ARGS, LEGACY_PAD, GROUP, ORDER, NO_INPUT_GRADIENT,
    *SEARCH_ARGS,
]  # fmt: skip


def infer_conv_transpose(X, W, b=None, *, order, group, no_gradient_to_input=False, **window):
    found = _check_filter(X, W, order, group, window)
    C = W.shape[channel_axis(order, W.ndim)] * group
    if b is not None:
        require(b.shape == (C,), "bias must have one entry per output channel", (C,), b.shape)
        require(b.dtype == X.dtype, "bias and X must have one dtype", X.dtype, b.dtype)
    return TensorSpec(image_shape(X.shape[0], C, found.inputs, order), X.dtype)


def infer_conv_transpose_gradient(X, W, dY, *, order, group, no_bias, n_outputs, **args):
    Y = infer_conv_transpose(X, W, order=order, group=group, **args)
    require(
        dY.shape == Y.shape, "dY must have the shape of ConvTranspose's output", Y.shape, dY.shape
    )
    require(dY.dtype == X.dtype, "dY and X must have one dtype", X.dtype, dY.dtype)
    return gradient_specs(X, W, Y.shape[channel_axis(order, X.ndim)], no_bias, n_outputs)


def _check_filter(X, W, order, group, window):
    require(
        X.ndim >= 3,
        "X must have axes for the batch, the channels and space",
        "3 axes or more",
        X.ndim,
    )
    require(W.ndim == X.ndim, "filter must have as many axes as X", X.ndim, W.ndim)
    require(W.dtype == X.dtype, "filter and X must have one dtype", X.dtype, W.dtype)
    axis = channel_axis(order, X.ndim)
    M = X.shape[axis]
    require(
        prod(X.shape[1:]) > 0,
        "X must have channels and elements in every image",
        "sizes >= 1",
        X.shape[1:],
    )
    require(W.shape[0] == M, f"filter.shape[0] must equal X.shape[{axis}]", M, W.shape[0])
    require(M % group == 0, f"X.shape[{axis}] must be a multiple of group", f"k * {group}", M)
    found = resolve_transposed(spatial(X.shape, order), **window)
    sizes = spatial(W.shape, order)
    require(
        sizes == found.kernel,
        "filter's spatial axes must have the sizes of kernel",
        found.kernel,
        sizes,
    )
    return found


def conv_transpose_cost(X, W, b=None, **args):
    """Two FLOPs per multiply and add."""
    return 2 * X.size * W.size // W.shape[0]


CONV_TRANSPOSE = OpSchema(
    "ConvTranspose",
    doc="""Y[n, c, i * stride + t - pad] is the sum of W[m, c, t] * X[n, m, i] over all m, i, t, plus b[c].

    The adjoint of Conv with the same filter: what Conv's gradient does to its input. The output has
    (size - 1) * stride + kernel + adj - pads elements per axis; legacy_pad 1 and 2 mean no pads. With groups, m
    runs over the M / group input channels of the group of c. A batch of no images gives no images.

    Source: Zeiler et al., "Deconvolutional networks", 2010.

    Differs from Caffe2: any number of spatial axes, not two alone; float16 and float64 too; `adj` equal to the
    stride adds empty elements, where Caffe2 reads beyond its columns.
    """,
    inputs=[
        Tensor("X", "images (N, M, ...), or (N, ..., M) with order NHWC", FLOAT),
        Tensor("filter", "W, (M, C / group, ...kernel), or (M, ...kernel, C / group)", FLOAT),
        Tensor("bias", "b, (C,)", FLOAT, optional=True),
    ],
    outputs=[Tensor("Y", "(N, C, ...), or (N, ..., C)")],
    args=ARGS,
    infer=infer_conv_transpose,
    cost=conv_transpose_cost,
)

CONV_TRANSPOSE_GRADIENT = OpSchema(
    "ConvTransposeGradient",
    doc="""dW = X * columns(dY)^T, db = sum of dY over batch and space, dX = W * columns(dY).

    Outputs dW, db, dX, or with no_bias=1 dW, dX; dX may be left out. A batch of no images gives zeros.
    """,
    inputs=[
        Tensor("X", "images that went into ConvTranspose", FLOAT),
        Tensor("filter", "W, as it went in", FLOAT),
        Tensor("dY", "gradient of ConvTranspose's output", FLOAT),
    ],
    outputs=[
        Tensor("dfilter", "dW, shape of filter"),
        Tensor("dbias_or_dX", "db, (C,); with no_bias=1 dX, shape of X", optional=True),
        Tensor("dX", "shape of X", optional=True),
    ],
    args=[*ARGS, NO_BIAS],
    infer=infer_conv_transpose_gradient,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(CONV_TRANSPOSE)
class ConvTranspose:
    """The input gradient of the convolution that it turns around."""

    def __init__(self, xp, X, W, b=None, *, order, group, no_gradient_to_input=False, **window):
        self.xp = xp
        self.spec = infer_conv_transpose(X, W, order=order, group=group, **window)
        found = resolve_transposed(spatial(X.shape, order), **window)
        self.convolution = Convolution(
            xp, self.spec.shape, X.dtype, found, W.shape[0], group, order
        )
        axis = channel_axis(order, X.ndim)
        self.bias_shape = [-1 if a == axis else 1 for a in range(X.ndim)]

    def __call__(self, X, W, b=None, out=None):
        Y = self.xp.empty(self.spec.shape, self.spec.dtype) if out is None else out
        self.convolution.input_gradient(W, X, Y)
        return Y if b is None else self.xp.add(Y, b.reshape(self.bias_shape), out=Y)


@kernel(CONV_TRANSPOSE_GRADIENT)
class ConvTransposeGradient:
    def __init__(
        self,
        xp,
        X,
        W,
        dY,
        *,
        order,
        group,
        no_bias,
        n_outputs,
        no_gradient_to_input=False,
        **window,
    ):
        self.xp, self.no_bias, self.n_outputs = xp, no_bias, n_outputs
        found = resolve_transposed(spatial(X.shape, order), **window)
        kept = channel_axis(order, X.ndim)
        self.specs = gradient_specs(X, W, dY.shape[kept], no_bias, n_outputs)
        self.summed = tuple(a for a in range(X.ndim) if a != kept)
        self.convolution = Convolution(
            xp, dY.shape, dY.dtype, found, W.shape[0], group, order, filters=True
        )

    def __call__(self, X, W, dY, out=None):
        found = allocate(self.xp, self.specs, self.n_outputs, out)
        rest = found[1:]
        if not self.no_bias and rest:
            bias_gradient(self.xp, dY, self.summed, rest[0])
            rest = rest[1:]
        self.convolution.filter_gradient(dY, X, found[0])
        if rest:
            self.convolution.forward(dY, W, None, rest[0])
        return found


@gradient(CONV_TRANSPOSE)
def conv_transpose_gradient_maker(g):
    return conv_gradient_maker(g)


def _examples(rng):
    """X, W, the geometry of the convolution that is turned around, adj, and the arguments."""
    for rank in (1, 2, 3):
        for group, kernel_, stride, head, tail, adjust in [
            (1, (3, 2, 2), (2, 1, 2), 0, 0, 0),
            (2, (2, 3, 2), (2, 2, 3), 1, 0, 1),
            (1, (1, 1, 1), (1, 1, 1), 0, 0, 0),
        ]:
            kernel_, stride = kernel_[:rank], stride[:rank]
            X = rng.standard_normal((2, 4, *(3, 2, 2)[:rank]))
            W = rng.standard_normal((4, 6 // group, *kernel_))
            geometry = {
                "stride": stride, "dilation": (1,) * rank, "head": (head,) * rank, "tail": (tail,) * rank,
                "group": group,
            }  # fmt: skip
            args = {
                "kernels": list(kernel_), "strides": list(stride), "adjs": [adjust] * rank,
                "pads": [head] * rank + [tail] * rank, "group": group,
            }  # fmt: skip
            sizes = [
                (i - 1) * s + k + adjust - head - tail
                for i, k, s in zip(X.shape[2:], kernel_, stride)
            ]
            yield X, W, geometry, sizes, args


@cases(CONV_TRANSPOSE)
def conv_transpose_cases(rng):
    for X, W, geometry, sizes, args in _examples(rng):
        b = rng.standard_normal(6)
        Y, _ = direct_gradients(np.zeros((2, 6, *sizes)), W, X, **geometry)
        biased = Y + b.reshape(-1, *(1,) * len(sizes))
        yield Case({"X": X, "filter": W, "bias": b}, args, {"Y": biased})
        last = {"X": channels_last(X), "filter": channels_last(W)}
        yield Case(last, {**args, "order": "NHWC"}, {"Y": channels_last(Y)})
    yield Case({"X": X[:0], "filter": W}, args, {"Y": Y[:0]})


@cases(CONV_TRANSPOSE_GRADIENT)
def conv_transpose_gradient_cases(rng):
    for X, W, geometry, sizes, args in _examples(rng):
        dY = rng.standard_normal((2, 6, *sizes))
        _, dW = direct_gradients(dY, W, X, **geometry)
        dX, db = direct_conv(dY, W, **geometry), np.moveaxis(dY, 1, 0).reshape(6, -1).sum(1)
        inputs = {"X": X, "filter": W, "dY": dY}
        yield Case(inputs, args, {"dfilter": dW, "dbias_or_dX": db, "dX": dX})
        yield Case(inputs, {**args, "no_bias": 1}, {"dfilter": dW, "dbias_or_dX": dX}, outputs=2)
        last = {name: channels_last(value) for name, value in inputs.items()}
        expected = {"dfilter": channels_last(dW), "dbias_or_dX": db, "dX": channels_last(dX)}
        yield Case(last, {**args, "order": "NHWC"}, expected)
    yield Case(inputs, args, {"dfilter": dW, "dbias_or_dX": db}, outputs=2)
