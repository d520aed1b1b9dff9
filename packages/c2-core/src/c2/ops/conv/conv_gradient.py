"""The gradient of Conv and its ranked names."""

from functools import partial

import numpy as np

from c2.ops.conv.conv import GROUP, NO_INPUT_GRADIENT, RANKS, SEARCH_ARGS, check_filter
from c2.ops.conv.convolution import Convolution
from c2.ops.conv.direct import (
    GEOMETRIES,
    channels_last,
    direct_conv,
    direct_gradients,
    examples,
)
from c2.ops.conv.geometry import (
    ORDER,
    WINDOW_ARGS,
    channel_axis,
    image_shape,
    resolve_window,
    spatial,
)
from c2.registry import Arg, Case, NoGradient, Operator, OpSchema, Tensor, TensorSpec, require
from c2.registry.spec import FLOAT

NO_BIAS = Arg("no_bias", int, default=0, doc="1: there is no bias; the second output is dX")

DOC = """dW = dY * columns(X)^T, db = sum of dY over batch and space, dX = images(W^T * dY).

Outputs dW, db, dX, or with no_bias=1 dW, dX; dX may be left out. A batch of no images gives zeros.

Differs from Caffe2, whose CPU gives wrong dX for three spatial axes in NHWC order, or crashes.
"""


def infer_conv_gradient(
    X, W, dY, *, order, group, no_bias, no_gradient_to_input=False, n_outputs, **window
):
    found = check_filter(X, W, order, group, window)
    shape = image_shape(X.shape[0], W.shape[0], found.outputs, order)
    require(dY.shape == shape, "dY must have the shape of Conv's output", shape, dY.shape)
    require(dY.dtype == X.dtype, "dY and X must have one dtype", X.dtype, dY.dtype)
    return gradient_specs(X, W, W.shape[0], no_bias, n_outputs)


def gradient_specs(X, W, results, no_bias, n_outputs):
    """Specs of dW, db, dX as asked for."""
    specs = (W, X) if no_bias else (W, TensorSpec((results,), W.dtype), X)
    require(
        n_outputs <= len(specs),
        "no_bias=1 leaves the outputs dW and dX",
        "at most 2 outputs",
        n_outputs,
    )
    return tuple(TensorSpec(s.shape, s.dtype) for s in specs)


def allocate(xp, specs, n_outputs, out):
    """The buffers given, or new ones."""
    if out is None:
        return tuple(xp.empty(s.shape, s.dtype) for s in specs[:n_outputs])
    return out if isinstance(out, tuple) else (out,)


def bias_gradient(xp, dY, axes, out):
    """Sum of dY over batch and space; half precision is summed in single."""
    xp.sum(dY, axis=axes, dtype=xp.float32 if dY.dtype == xp.float16 else dY.dtype, out=out)


class ConvGradient:
    """Both products per block of columns, which are gathered once; see `convolution`."""

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
        self.specs = gradient_specs(X, W, W.shape[0], no_bias, n_outputs)
        found = resolve_window(spatial(X.shape, order), **window)
        kept = channel_axis(order, X.ndim)
        self.summed = tuple(a for a in range(X.ndim) if a != kept)
        self.convolution = Convolution(
            xp, X.shape, X.dtype, found, W.shape[0], group, order, filters=True
        )

    def __call__(self, X, W, dY, out=None):
        found = allocate(self.xp, self.specs, self.n_outputs, out)
        rest = found[1:]
        if not self.no_bias and rest:
            bias_gradient(self.xp, dY, self.summed, rest[0])
            rest = rest[1:]
        self.convolution.gradients(X, W, dY, found[0], rest[0] if rest else None)
        return found


def conv_gradient_cases(rng, ranks):
    for X, W, _, geometry, args in examples(rng, ranks, GEOMETRIES[:4]):
        dY = rng.standard_normal(direct_conv(X, W, **geometry).shape)
        dX, dW = direct_gradients(X, W, dY, **geometry)
        db = np.moveaxis(dY, 1, 0).reshape(len(W), -1).sum(1)
        inputs = {"X": X, "filter": W, "dY": dY}
        yield Case(inputs, args, {"dfilter": dW, "dbias_or_dX": db, "dX": dX})
        yield Case(inputs, {**args, "no_bias": 1}, {"dfilter": dW, "dbias_or_dX": dX}, outputs=2)
        last = {name: channels_last(value) for name, value in inputs.items()}
        expected = {"dfilter": channels_last(dW), "dbias_or_dX": db, "dX": channels_last(dX)}
        yield Case(last, {**args, "order": "NHWC"}, expected)
    yield Case(inputs, args, {"dfilter": dW, "dbias_or_dX": db}, outputs=2)
    yield Case(inputs, {**args, "no_bias": 1}, {"dfilter": dW}, outputs=1)
    empty = {"X": X[:0], "filter": W, "dY": dY[:0]}
    zeros = {"dfilter": 0 * W, "dbias_or_dX": np.zeros(len(W)), "dX": X[:0]}
    yield Case(empty, args, zeros)


def _schema(type_):
    return OpSchema(
        f"{type_}Gradient",
        doc=DOC,
        inputs=[
            Tensor("X", "images that went into the convolution", FLOAT),
            Tensor("filter", "W, as it went in", FLOAT),
            Tensor("dY", "gradient of the convolution's output", FLOAT),
        ],
        outputs=[
            Tensor("dfilter", "dW, shape of filter"),
            Tensor("dbias_or_dX", "db, (M,); with no_bias=1 dX, shape of X", optional=True),
            Tensor("dX", "shape of X", optional=True),
        ],
        args=[*WINDOW_ARGS, GROUP, ORDER, NO_BIAS, NO_INPUT_GRADIENT, *SEARCH_ARGS],
        infer=infer_conv_gradient,
        gradient=NoGradient.FORBIDDEN,
    )


CONVOLUTION_GRADIENTS = [
    Operator(_schema(type_), ConvGradient, None, partial(conv_gradient_cases, ranks=ranks))
    for type_, ranks in RANKS.items()
]
