"""Normalize and NormalizeL1: divide by the norm along one axis."""

import numpy as np

from c2.ops.rules import canonical_axis, equal, same_dtype
from c2.registry import Arg, Case, OpSchema, Tensor, cases, gradient, kernel
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

SMALLEST = 1e-12  # of a norm to divide by
AXIS = Arg("axis", int, default=-1, doc="the axis of the vectors; negative ones count from the end")


def _infer(X, *, axis):
    canonical_axis("axis", axis, X.ndim)
    return X.with_shape(X.shape)


NORMALIZE = OpSchema(
    "Normalize",
    doc="""Y = X / max(norm, 1e-12), where norm = sqrt(sum(X * X)) along `axis`.

    A vector of zeros stays zero. Differs from Caffe2: float16 and float64 are taken too, and an axis of size 0.
    """,
    inputs=[Tensor("X", "one axis or more", FLOAT)],
    outputs=[Tensor("Y", "shape and dtype of X")],
    args=[AXIS],
    infer=_infer,
    cost=lambda X, **args: 3 * X.size,
)

NORMALIZE_L1 = OpSchema(
    "NormalizeL1",
    doc="""Y = X / sum(|X|) along `axis`.

    A vector of zeros stays zero (in Caffe2 its result is not written). Differs from Caffe2: float16 and float64
    are taken too, and an axis of size 0.
    """,
    inputs=[Tensor("X", "one axis or more", FLOAT)],
    outputs=[Tensor("Y", "shape and dtype of X")],
    args=[AXIS],
    infer=_infer,
    cost=lambda X, **args: 3 * X.size,
    gradient=NoGradient.FORBIDDEN,
)


def _infer_gradient(X, dY, *, axis):
    canonical_axis("axis", axis, X.ndim)
    same_dtype(X=X, dY=dY)
    equal("dY must have the shape of X", X.shape, dY.shape)
    return X.with_shape(X.shape)


NORMALIZE_GRADIENT = OpSchema(
    "NormalizeGradient",
    doc="dX = dY / norm - X * sum(X * dY) / norm^3 along `axis`, where norm is not less than 1e-12.",
    inputs=[Tensor("X", "input of Normalize", FLOAT), Tensor("dY", "shape of X", FLOAT)],
    outputs=[Tensor("dX", "shape and dtype of X")],
    args=[AXIS],
    infer=_infer_gradient,
    cost=lambda X, dY, **args: 6 * X.size,
    gradient=NoGradient.NOT_IMPLEMENTED,
)


def _norm(xp, X, axis):
    norm = xp.sqrt(xp.square(X).sum(axis=axis, keepdims=True))
    return xp.maximum(norm, X.dtype.type(SMALLEST))


@kernel(NORMALIZE)
def normalize(xp, X, *, axis, out=None):
    return xp.divide(X, _norm(xp, X, axis), out=out)


@kernel(NORMALIZE_L1)
def normalize_l1(xp, X, *, axis, out=None):
    total = xp.abs(X).sum(axis=axis, keepdims=True)
    return xp.divide(X, xp.where(total == 0, X.dtype.type(1), total), out=out)


@kernel(NORMALIZE_GRADIENT)
def normalize_gradient(xp, X, dY, *, axis, out=None):
    norm = _norm(xp, X, axis)
    along = (X * dY).sum(axis=axis, keepdims=True) / norm / norm
    parallel = xp.multiply(X, along, out=out)
    return xp.divide(xp.subtract(dY, parallel, out=out), norm, out=out)


@gradient(NORMALIZE)
def normalize_gradient_maker(g):
    return [g.op("NormalizeGradient", [g.I("X"), g.GO("Y")], [g.GI("X")])]


def _samples(rng):
    for shape, axis in [((4,), -1), ((3, 2), 0), ((2, 3, 4), 1), ((2, 3, 4), -3)]:
        yield rng.uniform(0.2, 1, shape) * rng.choice([-1, 1], shape), axis


@cases(NORMALIZE)
def normalize_cases(rng):
    for X, axis in _samples(rng):
        Y = np.apply_along_axis(lambda x: x / np.linalg.norm(x), axis, X)
        yield Case({"X": X}, {"axis": axis}, {"Y": Y})
    yield Case({"X": np.zeros((2, 3))}, {}, {"Y": np.zeros((2, 3))}, grad=(), id="zeros")
    yield Case({"X": np.zeros((0, 3))}, {}, {"Y": np.zeros((0, 3))}, grad=(), id="empty")


@cases(NORMALIZE_L1)
def normalize_l1_cases(rng):
    for X, axis in _samples(rng):
        Y = np.apply_along_axis(lambda x: x / np.linalg.norm(x, 1), axis, X)
        yield Case({"X": X}, {"axis": axis}, {"Y": Y})
    yield Case({"X": np.zeros((2, 3))}, {}, {"Y": np.zeros((2, 3))}, id="zeros")


@cases(NORMALIZE_GRADIENT)
def normalize_gradient_cases(rng):
    for X, axis in _samples(rng):
        dY = rng.uniform(-1, 1, X.shape)
        dX = np.empty_like(X)
        for x, dy, dx in zip(*(_vectors(a, axis) for a in (X, dY, dX))):
            n = np.linalg.norm(x)
            dx[:] = (np.eye(x.size) / n - np.outer(x, x) / n**3) @ dy  # the Jacobian
        yield Case({"X": X, "dY": dY}, {"axis": axis}, {"dX": dX})


def _vectors(A, axis):
    """Views of the vectors along an axis, in order."""
    turned = np.moveaxis(A, axis, -1)
    return [turned[at] for at in np.ndindex(*turned.shape[:-1])]
