"""ElementwiseLinear: a scale and a shift per feature, and its gradient."""

import numpy as np

from c2.ops.linear.flatten import as_matrix
from c2.ops.rules import canonical_axis, equal, rank, same_dtype, same_shape
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

AXIS = Arg("axis", int, default=1, doc="axes of X from it on are the D features")


def _check_features(X, axis, **vectors):
    canonical_axis("axis", axis, X.ndim)
    D = as_matrix(X.shape, axis)[1]
    for name, vector in vectors.items():
        rank(name, vector, 1)
        equal(f"{name} must have one element per feature of X", D, vector.size)


def _infer(X, w, b, *, axis):
    same_dtype(X=X, w=w, b=b)
    _check_features(X, axis, w=w, b=b)
    return TensorSpec(X.shape, X.dtype)


def _infer_gradient(dY, X, w, *, axis):
    same_dtype(X=X, w=w, dY=dY)
    same_shape(X=X, dY=dY)
    _check_features(X, axis, w=w)
    return tuple(TensorSpec(shape, X.dtype) for shape in (X.shape, w.shape, w.shape))


ELEMENTWISE_LINEAR = OpSchema(
    "ElementwiseLinear",
    doc="""Y[n, d] = X[n, d] * w[d] + b[d], with X flattened to (N, D) at axis.

    Empty tensors give empty tensors.
    """,
    inputs=[
        Tensor("X", "flattened to (N, D)", FLOAT),
        Tensor("w", "scales (D,); dtype of X", FLOAT),
        Tensor("b", "shifts (D,); dtype of X", FLOAT),
    ],
    outputs=[Tensor("Y", "shape and dtype of X")],
    args=[AXIS],
    infer=_infer,
    cost=lambda X, w, b, **_: 2 * X.size,
)

ELEMENTWISE_LINEAR_GRADIENT = OpSchema(
    "ElementwiseLinearGradient",
    doc="dX = dY * w, dw = the sum of dY * X over N, db = the sum of dY over N; zeros where N is 0.",
    inputs=[
        Tensor("dY", "shape and dtype of X", FLOAT),
        Tensor("X", "input of ElementwiseLinear", FLOAT),
        Tensor("w", "its scales", FLOAT),
    ],
    outputs=[Tensor("dX", "shape of X"), Tensor("dw", "(D,)"), Tensor("db", "(D,)")],
    args=[AXIS],
    infer=_infer_gradient,
    cost=lambda dY, X, w, **_: 4 * X.size,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(ELEMENTWISE_LINEAR)
def elementwise_linear(xp, X, w, b, *, axis, out=None):
    if out is None:
        out = xp.empty(X.shape, X.dtype)
    matrix = as_matrix(X.shape, axis)
    Y = out.reshape(matrix)
    xp.multiply(X.reshape(matrix), w, out=Y)
    xp.add(Y, b, out=Y)
    return out


@kernel(ELEMENTWISE_LINEAR_GRADIENT)
def elementwise_linear_gradient(xp, dY, X, w, *, axis, out=None):
    if out is None:
        out = tuple(xp.empty(shape, X.dtype) for shape in (X.shape, w.shape, w.shape))
    dX, dw, db = out
    matrix = as_matrix(X.shape, axis)
    dX2, dY2 = dX.reshape(matrix), dY.reshape(matrix)
    xp.multiply(dY2, X.reshape(matrix), out=dX2)  # dX serves as scratch first
    xp.sum(dX2, axis=0, out=dw)
    xp.sum(dY2, axis=0, out=db)
    xp.multiply(dY2, w, out=dX2)
    return out


@gradient(ELEMENTWISE_LINEAR)
def elementwise_linear_gradient_maker(g):
    outputs = [g.GI("X"), g.GI("w"), g.GI("b")]
    return [g.op("ElementwiseLinearGradient", [g.GO("Y"), g.I("X"), g.I("w")], outputs)]


_SHAPES = [
    ((3, 4), {}),
    ((0, 4), {}),
    ((2, 3, 4), {"axis": 2}),
    ((2, 3, 4), {"axis": -2}),
    ((5,), {"axis": 0}),
]


@cases(ELEMENTWISE_LINEAR)
def elementwise_linear_cases(rng):
    for shape, args in _SHAPES:
        features = shape[args.get("axis", 1) :]
        X, w, b = (
            rng.standard_normal(shape),
            rng.standard_normal(features),
            rng.standard_normal(features),
        )
        inputs = {"X": X, "w": w.ravel(), "b": b.ravel()}
        yield Case(inputs, args, expect={"Y": X * w + b})


@cases(ELEMENTWISE_LINEAR_GRADIENT)
def elementwise_linear_gradient_cases(rng):
    for shape, args in _SHAPES:
        features = shape[args.get("axis", 1) :]
        X, dY, w = (
            rng.standard_normal(shape),
            rng.standard_normal(shape),
            rng.standard_normal(features),
        )
        rows = np.ones(X.size // max(w.size, 1))
        expect = {
            "dX": dY * w,
            "dw": rows @ (X * dY).reshape(len(rows), w.size),
            "db": rows @ dY.reshape(len(rows), w.size),
        }
        yield Case({"dY": dY, "X": X, "w": w.ravel()}, args, expect=expect)
