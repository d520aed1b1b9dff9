"""AffineChannel and its gradient."""

import numpy as np

from c2.ops.conv.geometry import ORDER
from c2.ops.norm.channels import affine, by_channel, channels_of, require_per_channel
from c2.registry import (
    Arg,
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

LEARNABLE = Arg("is_learnable", bool, default=False, doc="1: scale and bias have gradients")


def infer_affine_channel(X, scale, bias, *, is_learnable, order):
    require_per_channel(channels_of(X, order), X.dtype, scale=scale, bias=bias)
    return TensorSpec(X.shape, X.dtype)


def infer_affine_channel_gradient(dY, X_or_scale, scale=None, *, is_learnable, order):
    C = channels_of(dY, order)
    if not is_learnable:
        require_per_channel(C, dY.dtype, scale=X_or_scale)
        return TensorSpec(dY.shape, dY.dtype)
    require(scale is not None, "is_learnable=1 takes dY, X and scale", "3 inputs", 2)
    require_per_channel(C, dY.dtype, scale=scale)
    require(X_or_scale.shape == dY.shape, "X must have the shape of dY", dY.shape, X_or_scale.shape)
    return TensorSpec(dY.shape, dY.dtype), *(TensorSpec((C,), dY.dtype),) * 2


AFFINE_CHANNEL = OpSchema(
    "AffineChannel",
    doc="""Y = scale * X + bias, one scale and bias per channel.

    A batch normalization whose moments are fixed comes down to this. With is_learnable=1 scale and bias have
    gradients, and the gradient reads X, which must not be overwritten.

    Differs from Caffe2: float16 and float64 are taken too.
    """,
    inputs=[
        Tensor("X", "(N, C, ...), or (N, ..., C) with order NHWC", FLOAT),
        Tensor("scale", "(C,)", FLOAT),
        Tensor("bias", "(C,)", FLOAT),
    ],
    outputs=[Tensor("Y", "shape of X")],
    args=[LEARNABLE, ORDER],
    infer=infer_affine_channel,
    inplace={"X": "Y"},
)

AFFINE_CHANNEL_GRADIENT = OpSchema(
    "AffineChannelGradient",
    doc="""dX = scale * dY; with is_learnable=1 also dscale = sum of X * dY and dbias = sum of dY per channel.

    Inputs dY, scale; with is_learnable=1 dY, X, scale.
    """,
    inputs=[
        Tensor("dY", "gradient of AffineChannel's output", FLOAT),
        Tensor("X_or_scale", "scale, (C,); with is_learnable=1 X", FLOAT),
        Tensor("scale", "(C,), with is_learnable=1", FLOAT, optional=True),
    ],
    outputs=[
        Tensor("dX", "shape of dY"),
        Tensor("dscale", "(C,)", optional=True),
        Tensor("dbias", "(C,)", optional=True),
    ],
    args=[LEARNABLE, ORDER],
    infer=infer_affine_channel_gradient,
    inplace={"dY": "dX"},
    gradient=NoGradient.FORBIDDEN,
)


@kernel(AFFINE_CHANNEL)
def affine_channel(xp, X, scale, bias, *, is_learnable, order, out=None):
    Y = xp.empty_like(X) if out is None else out
    affine(xp, X, scale, bias, Y, order)
    return Y


@kernel(AFFINE_CHANNEL_GRADIENT)
def affine_channel_gradient(xp, dY, X_or_scale, scale=None, *, is_learnable, order, out=None):
    scale = scale if is_learnable else X_or_scale
    if out is None:
        out = (xp.empty_like(dY), *(xp.empty_like(scale) for _ in range(2 * is_learnable)))
    dX, *parameters = out if isinstance(out, tuple) else (out,)
    if parameters:
        dy = by_channel(dY, order)
        parameters[0][...] = xp.einsum("bcp,bcp->c", dy, by_channel(X_or_scale, order))
        xp.sum(dy, axis=(0, 2), out=parameters[1])
    affine(xp, dY, scale, xp.zeros_like(scale), dX, order)
    return (dX, *parameters)


@gradient(AFFINE_CHANNEL)
def affine_channel_gradient_maker(g):
    if not g.args["is_learnable"]:
        return [g.op("AffineChannelGradient", [g.GO("Y"), g.I("scale")], [g.GI("X")])]
    inputs = [g.GO("Y"), g.I("X"), g.I("scale")]
    return [g.op("AffineChannelGradient", inputs, [g.GI("X"), g.GI("scale"), g.GI("bias")])]


def _examples(rng):
    for shape in [(3, 4), (2, 3, 5), (0, 3, 2), (2, 3, 2, 4), (1, 2, 2, 3, 2)]:
        X, C = rng.standard_normal(shape), shape[1]
        yield X, rng.standard_normal(shape), rng.standard_normal(C), rng.standard_normal(C)


def _last(array):
    return np.ascontiguousarray(np.moveaxis(array, 1, -1))


@cases(AFFINE_CHANNEL)
def affine_channel_cases(rng):
    for X, _, scale, bias in _examples(rng):
        Y = np.einsum("nc...,c->nc...", X, scale) + bias.reshape(-1, *(1,) * (X.ndim - 2))
        inputs = {"X": X, "scale": scale, "bias": bias}
        yield Case(inputs, {"is_learnable": 1}, {"Y": Y})
        yield Case(inputs, {}, {"Y": Y}, grad=["X"])
        yield Case({**inputs, "X": _last(X)}, {"order": "NHWC", "is_learnable": 1}, {"Y": _last(Y)})


@cases(AFFINE_CHANNEL_GRADIENT)
def affine_channel_gradient_cases(rng):
    for X, dY, scale, _ in _examples(rng):
        dX = np.einsum("nc...,c->nc...", dY, scale)
        yield Case({"dY": dY, "X_or_scale": scale}, {}, {"dX": dX}, outputs=1)
        over = tuple(a for a in range(X.ndim) if a != 1)
        expected = {"dX": dX, "dscale": (X * dY).sum(over), "dbias": dY.sum(over)}
        yield Case({"dY": dY, "X_or_scale": X, "scale": scale}, {"is_learnable": 1}, expected)
        inputs = {"dY": _last(dY), "X_or_scale": _last(X), "scale": scale}
        yield Case(inputs, {"is_learnable": 1, "order": "NHWC"}, {**expected, "dX": _last(dX)})
