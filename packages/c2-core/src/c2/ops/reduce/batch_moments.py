"""BatchMoments: per channel, the mean and the mean of squares (what batch normalization collects)."""

import numpy as np

from c2.ops.rules import equal, same_dtype
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

ORDER = Arg(
    "order",
    str,
    default="NCHW",
    choices=("NCHW", "NHWC"),
    doc="whether the channel axis is 1 or the last",
)


def _infer(X, *, order):
    require(X.ndim >= 2, "X must have two axes or more", "(N, C, ...)", X.shape)
    spec = TensorSpec((X.shape[_channel(X, order)],), X.dtype)
    require(X.size > 0 or spec.size == 0, "X must not be empty", "elements per channel", X.shape)
    return spec, spec


def _channel(X, order):
    return 1 if order == "NCHW" else X.ndim - 1


BATCH_MOMENTS = OpSchema(
    "BatchMoments",
    doc="""mu = mean(X), var = mean(X * X) of each channel; var is not centred.

    Differs from Caffe2: float16 and float64 are taken too; an empty batch is refused (there it stops the process).
    """,
    inputs=[Tensor("X", "(N, C, ...) or (N, ..., C)", FLOAT)],
    outputs=[Tensor("mu", "(C,)"), Tensor("var", "(C,)")],
    args=[ORDER],
    infer=_infer,
    cost=lambda X, **args: 3 * X.size,
)


def _infer_gradient(dmu, dvar, X, *, order):
    same_dtype(X=X, dmu=dmu, dvar=dvar)
    C = X.shape[_channel(X, order)]
    equal("dmu must have one element per channel", (C,), dmu.shape)
    equal("dvar must have one element per channel", (C,), dvar.shape)
    return X.with_shape(X.shape)


BATCH_MOMENTS_GRADIENT = OpSchema(
    "BatchMomentsGradient",
    doc="dX = (dmu + 2 * X * dvar) / n, with n elements per channel.",
    inputs=[
        Tensor("dmu", "(C,)", FLOAT),
        Tensor("dvar", "(C,)", FLOAT),
        Tensor("X", "input of BatchMoments", FLOAT),
    ],
    outputs=[Tensor("dX", "shape and dtype of X")],
    args=[ORDER],
    infer=_infer_gradient,
    cost=lambda dmu, dvar, X, **args: 2 * X.size,
    gradient=NoGradient.NOT_IMPLEMENTED,
)


def _others(X, order):
    channel = _channel(X, order)
    return tuple(k for k in range(X.ndim) if k != channel)


@kernel(BATCH_MOMENTS)
def batch_moments(xp, X, *, order, out=None):
    mu, var = (None, None) if out is None else out
    axes, n = _others(X, order), X.dtype.type(X.size // max(X.shape[_channel(X, order)], 1))
    mu = xp.divide(X.sum(axis=axes, out=mu), n, out=mu)
    return mu, xp.divide(xp.square(X).sum(axis=axes, out=var), n, out=var)


@kernel(BATCH_MOMENTS_GRADIENT)
def batch_moments_gradient(xp, dmu, dvar, X, *, order, out=None):
    channel = _channel(X, order)
    shape = tuple(-1 if k == channel else 1 for k in range(X.ndim))
    n = X.dtype.type(X.size // max(X.shape[channel], 1))
    scaled = xp.multiply(X, (2 * dvar / n).reshape(shape), out=out)
    return xp.add(scaled, (dmu / n).reshape(shape), out=out)


@gradient(BATCH_MOMENTS)
def batch_moments_gradient_maker(g):
    return [g.op("BatchMomentsGradient", [g.GO("mu"), g.GO("var"), g.I("X")], [g.GI("X")])]


@cases(BATCH_MOMENTS)
def batch_moments_cases(rng):
    for shape in [(2, 3), (2, 3, 4), (2, 1, 2, 3)]:
        for order in ("NCHW", "NHWC"):
            X = rng.uniform(-1, 1, shape)
            channels = np.moveaxis(X, 1 if order == "NCHW" else -1, 0)
            mu = [sum(x.ravel()) / x.size for x in channels]
            var = [np.vdot(x, x) / x.size for x in channels]
            yield Case({"X": X}, {"order": order}, {"mu": mu, "var": var})


@cases(BATCH_MOMENTS_GRADIENT)
def batch_moments_gradient_cases(rng):
    X, dmu, dvar = rng.uniform(-1, 1, (2, 3, 4)), rng.uniform(-1, 1, 4), rng.uniform(-1, 1, 4)
    dX = np.stack([(dmu[c] + 2 * X[..., c] * dvar[c]) / 6 for c in range(4)], -1)
    yield Case({"dmu": dmu, "dvar": dvar, "X": X}, {"order": "NHWC"}, {"dX": dX})
    X, dX = X.transpose(0, 2, 1).copy(), dX.transpose(0, 2, 1).copy()
    yield Case({"dmu": dmu, "dvar": dvar, "X": X}, {}, {"dX": dX})
