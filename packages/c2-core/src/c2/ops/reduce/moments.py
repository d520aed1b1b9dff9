"""Moments: mean and variance over chosen axes."""

import numpy as np

from c2.ops.reduce.axes import (
    AXES,
    KEEPDIMS,
    count,
    kept_shape,
    reduced_axes,
    reduced_shape,
    rows,
)
from c2.ops.reduce.reduce import ReduceMean
from c2.ops.rules import equal, same_dtype
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT


def _infer(data, *, axes, keepdims):
    spec = TensorSpec(
        reduced_shape(data.shape, reduced_axes(axes, data.ndim), keepdims), data.dtype
    )
    return spec, spec


MOMENTS = OpSchema(
    "Moments",
    doc="""mean = sum(data) / n, variance = sum((data - mean)^2) / n over `axes`.

    Axes of size 0 give 0. Differs from Caffe2: negative axes, float16 and float64 are taken too.
    """,
    inputs=[Tensor("data", "any shape", FLOAT)],
    outputs=[Tensor("mean", "the kept axes"), Tensor("variance", "the kept axes")],
    args=[AXES, KEEPDIMS],
    infer=_infer,
    cost=lambda data, **args: 4 * data.size,
)


def _infer_gradient(dmean, dvariance, data, mean, *, axes, keepdims):
    same_dtype(data=data, mean=mean, dmean=dmean, dvariance=dvariance)
    shape = reduced_shape(data.shape, reduced_axes(axes, data.ndim), keepdims)
    for name, spec in (("dmean", dmean), ("dvariance", dvariance), ("mean", mean)):
        equal(f"{name} must have the shape of data reduced over `axes`", shape, spec.shape)
    return data.with_shape(data.shape)


MOMENTS_GRADIENT = OpSchema(
    "MomentsGradient",
    doc="ddata = (dmean + 2 * (data - mean) * dvariance) / n, repeated along the reduced axes.",
    inputs=[
        Tensor("dmean", "shape of mean", FLOAT),
        Tensor("dvariance", "shape of variance", FLOAT),
        Tensor("data", "input of Moments", FLOAT),
        Tensor("mean", "output of Moments", FLOAT),
    ],
    outputs=[Tensor("ddata", "shape and dtype of data")],
    args=[AXES, KEEPDIMS],
    infer=_infer_gradient,
    cost=lambda dmean, dvariance, data, mean, **args: 4 * data.size,
    gradient=NoGradient.NOT_IMPLEMENTED,
)


@kernel(MOMENTS)
class Moments:
    def __init__(self, xp, data, *, axes, keepdims):
        self.xp, self.mean = xp, ReduceMean(xp, data, axes=axes, keepdims=keepdims)
        self.kept = kept_shape(data.shape, self.mean.axes)

    def __call__(self, data, out=None):
        mean_out, variance_out = (None, None) if out is None else out
        mean = self.mean(data, mean_out)
        squares = self.xp.square(data - mean.reshape(self.kept))
        return mean, self.mean(self.xp.asarray(squares), variance_out)


@kernel(MOMENTS_GRADIENT)
def moments_gradient(xp, dmean, dvariance, data, mean, *, axes, keepdims, out=None):
    axes = reduced_axes(axes, data.ndim)
    n = data.dtype.type(max(count(data.shape, axes), 1))
    dmean, dvariance, mean = (
        a.reshape(kept_shape(data.shape, axes)) for a in (dmean, dvariance, mean)
    )
    centred = xp.subtract(data, mean, out=out)
    scaled = xp.multiply(centred, 2 * dvariance / n, out=out)
    return xp.add(scaled, dmean / n, out=out)


@gradient(MOMENTS)
def moments_gradient_maker(g):
    inputs = [g.GO("mean"), g.GO("variance"), g.I("data"), g.O("mean")]
    return [g.op("MomentsGradient", inputs, [g.GI("data")])]


@cases(MOMENTS)
def moments_cases(rng):
    X = rng.uniform(-1, 1, (2, 3, 4))
    for args in ({}, {"axes": [1]}, {"axes": [2, 0], "keepdims": False}, {"axes": [-1]}):
        axes = reduced_axes(args.get("axes", ()), 3)
        M = rows(X, axes)
        mean = M @ np.full(M.shape[-1], 1 / M.shape[-1])
        variance = np.einsum("...i,...i", M, M) / M.shape[-1] - mean**2
        shape = reduced_shape(X.shape, axes, args.get("keepdims", True))
        expect = {"mean": mean.reshape(shape), "variance": variance.reshape(shape)}
        yield Case({"data": X}, args, expect)
    zeros = np.zeros((1, 3))
    yield Case(
        {"data": np.zeros((0, 3))}, {"axes": [0]}, {"mean": zeros, "variance": zeros}, grad=()
    )
    yield Case({"data": np.array(2.0)}, {}, {"mean": 2.0, "variance": 0.0}, id="0-d")


@cases(MOMENTS_GRADIENT)
def moments_gradient_cases(rng):
    for axes, keepdims in [([1], True), ([0], False)]:
        X = rng.uniform(-1, 1, (2, 3))
        mean = X.mean(axes[0], keepdims=True)
        dmean, dvariance = rng.uniform(-1, 1, (2, *mean.shape))
        n = X.shape[axes[0]]
        expected = [
            [(dm + 2 * dv * (x - m)) / n for x, m, dm, dv in zip(*line)]
            for line in zip(*np.broadcast_arrays(X, mean, dmean, dvariance))
        ]
        small = [a if keepdims else a.squeeze(axes[0]) for a in (dmean, dvariance, mean)]
        yield Case(
            {"dmean": small[0], "dvariance": small[1], "data": X, "mean": small[2]},
            {"axes": axes, "keepdims": keepdims},
            {"ddata": np.array(expected)},
        )
