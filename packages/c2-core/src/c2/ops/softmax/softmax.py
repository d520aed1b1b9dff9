"""Softmax and its gradient."""

import numpy as np

from c2.ops.linear.flatten import as_matrix
from c2.ops.rules import canonical_axis, same_dtype, same_shape
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

AXIS = Arg("axis", int, default=1, doc="axes of X from it on are normalised together")


def _infer(X, *, axis):
    canonical_axis("axis", axis, X.ndim)
    return TensorSpec(X.shape, X.dtype)


def _infer_gradient(Y, dY, *, axis):
    same_dtype(Y=Y, dY=dY)
    same_shape(Y=Y, dY=dY)
    return _infer(Y, axis=axis)


SOFTMAX = OpSchema(
    "Softmax",
    doc="""Y[n, d] = exp(X[n, d]) / sum_k exp(X[n, k]), with X flattened to (N, D) at axis.

    All axes from axis on are normalised together, not the one axis alone. The greatest element of a row is
    subtracted first, so nothing overflows. A NaN makes its row NaN; empty tensors give empty tensors.
    """,
    inputs=[Tensor("X", "logits, flattened to (N, D)", FLOAT)],
    outputs=[Tensor("Y", "shape and dtype of X; rows sum to 1")],
    args=[AXIS],
    infer=_infer,
    cost=lambda X, **_: 5 * X.size,
)

SOFTMAX_GRADIENT = OpSchema(
    "SoftmaxGradient",
    doc="dX[n, d] = Y[n, d] * (dY[n, d] - sum_k Y[n, k] * dY[n, k]).",
    inputs=[Tensor("Y", "output of Softmax", FLOAT), Tensor("dY", "shape and dtype of Y", FLOAT)],
    outputs=[Tensor("dX", "shape and dtype of Y")],
    args=[AXIS],
    infer=_infer_gradient,
    cost=lambda Y, dY, **_: 4 * Y.size,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(SOFTMAX)
def softmax(xp, X, *, axis, out=None):
    if out is None:
        out = xp.empty(X.shape, X.dtype)
    rows = as_matrix(X.shape, axis)
    normalise(xp, X.reshape(rows), out.reshape(rows))
    return out


def normalise(xp, X, Y, axis=1):
    """Writes the softmax of X along an axis into Y."""
    if not X.size:
        return
    xp.subtract(X, xp.max(X, axis=axis, keepdims=True), out=Y)
    xp.exp(Y, out=Y)
    xp.divide(Y, xp.sum(Y, axis=axis, keepdims=True), out=Y)


@kernel(SOFTMAX_GRADIENT)
def softmax_gradient(xp, Y, dY, *, axis, out=None):
    if out is None:
        out = xp.empty(Y.shape, Y.dtype)
    rows = as_matrix(Y.shape, axis)
    Y, dY, dX = Y.reshape(rows), dY.reshape(rows), out.reshape(rows)
    xp.multiply(Y, dY, out=dX)
    xp.subtract(dY, xp.sum(dX, axis=1, keepdims=True), out=dX)
    xp.multiply(dX, Y, out=dX)
    return out


@gradient(SOFTMAX)
def softmax_gradient_maker(g):
    return [g.op("SoftmaxGradient", [g.O("Y"), g.GO("Y")], [g.GI("X")])]


_SHAPES = [
    ((3, 4), {}),
    ((2, 3, 4), {}),
    ((2, 3, 4), {"axis": 2}),
    ((2, 3), {"axis": -1}),
    ((5,), {"axis": 0}),
    ((0, 3), {}),
    ((3, 0), {}),
    ((2, 1), {}),
]


def _rows(X, axis):
    """The rows that are normalised, as views."""
    X = X.reshape(as_matrix(X.shape, axis))
    return [X[n] for n in range(len(X))]


def _reference(X, axis):
    Y = np.empty(X.shape)
    for x, y in zip(_rows(X, axis), _rows(Y, axis)):
        y[:] = np.exp(x - np.logaddexp.reduce(x)) if x.size else y
    return Y


@cases(SOFTMAX)
def softmax_cases(rng):
    for shape, args in _SHAPES:
        X = rng.standard_normal(shape)
        yield Case({"X": X}, args, expect={"Y": _reference(X, args.get("axis", 1))})
    X = np.array([[1e4, 0.0], [-1e4, -1e4]])
    yield Case({"X": X}, expect={"Y": np.array([[1.0, 0.0], [0.5, 0.5]])}, id="far from 0")
    X = np.array([[np.nan, 0.0], [1.0, 1.0]])
    Y = np.array([[np.nan, np.nan], [0.5, 0.5]])
    yield Case({"X": X}, expect={"Y": Y}, grad=(), id="NaN")


@cases(SOFTMAX_GRADIENT)
def softmax_gradient_cases(rng):
    for shape, args in _SHAPES:
        axis = args.get("axis", 1)
        Y, dY = _reference(rng.standard_normal(shape), axis), rng.standard_normal(shape)
        dX = np.zeros(shape)
        for y, dy, dx in zip(_rows(Y, axis), _rows(dY, axis), _rows(dX, axis)):
            dx[:] = (np.diag(y) - np.outer(y, y)) @ dy
        yield Case({"Y": Y, "dY": dY}, args, expect={"dX": dX})
