"""RowwiseMax and ColwiseMax: maxima of the rows or columns of a batch of matrices."""

from functools import partial

import numpy as np

from c2.ops.rules import equal, rank, same_dtype
from c2.registry import Case, Operator, OpSchema, Tensor, TensorSpec, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT


def _infer(axis, X):
    rank("X", X, 3)
    require(
        X.shape[axis] > 0 or X.size == 0 == X.shape[0],
        "X must have elements to compare",
        "M, N > 0",
        X.shape,
    )
    return TensorSpec(X.shape[:axis] + X.shape[axis + 1 :], X.dtype)


def _infer_gradient(axis, X, Y, dY):
    same_dtype(X=X, Y=Y, dY=dY)
    rank("X", X, 3)
    for name, spec in (("Y", Y), ("dY", dY)):
        equal(
            f"{name} must have the shape of the maxima",
            X.shape[:axis] + X.shape[axis + 1 :],
            spec.shape,
        )
    return X.with_shape(X.shape)


def _max(axis, xp, X, *, out=None):
    if not X.size:
        return xp.zeros(X.shape[:axis] + X.shape[axis + 1 :], X.dtype) if out is None else out
    return X.max(axis=axis, out=out)


def _gradient(axis, xp, X, Y, dY, *, out=None):
    hit = xp.equal(X, xp.expand_dims(Y, axis))
    return xp.multiply(hit, xp.expand_dims(dY, axis), out=out, dtype=X.dtype)


def _gradient_maker(g):
    return [g.op(f"{g.op_def.type}Gradient", [g.I("X"), g.O("Y"), g.GO("Y")], [g.GI("X")])]


def _cases(axis, rng):
    for shape in [(1, 1, 1), (2, 3, 4), (3, 1, 2)]:
        X = rng.permutation(np.prod(shape)).reshape(shape) * 1.0
        yield Case({"X": X}, {}, {"Y": np.sort(X, axis).take(-1, axis)})
    yield Case({"X": np.zeros((0, 3, 2))}, {}, {"Y": np.zeros((0, 3 if axis == 2 else 2))}, grad=())


def _gradient_cases(axis, rng):
    X = rng.integers(0, 2, (2, 3, 4)) * 1.0  # with ties
    Y = np.sort(X, axis).take(-1, axis)
    dY = rng.uniform(1, 2, Y.shape)
    dX = np.equal(X, np.expand_dims(Y, axis)) * np.stack([dY] * X.shape[axis], axis)
    yield Case({"X": X, "Y": Y, "dY": dY}, {}, {"dX": dX})


def _pair(type_, axis, what, shape):
    forward = OpSchema(
        type_,
        doc=f"""Y = the maximum of each {what} of X.

        Differs from Caffe2: float16 and float64 are taken too; NaN anywhere gives NaN; matrices without
        elements are refused (there they stop the process).
        """,
        inputs=[Tensor("X", "(B, M, N)", FLOAT)],
        outputs=[Tensor("Y", shape)],
        infer=partial(_infer, axis),
        cost=lambda X: X.size,
    )
    backward = OpSchema(
        f"{type_}Gradient",
        doc="dX = dY where X = Y, else 0; each of several equal maxima gets all of dY.",
        inputs=[
            Tensor("X", f"input of {type_}", FLOAT),
            Tensor("Y", shape, FLOAT),
            Tensor("dY", shape, FLOAT),
        ],
        outputs=[Tensor("dX", "shape and dtype of X")],
        infer=partial(_infer_gradient, axis),
        gradient=NoGradient.NOT_IMPLEMENTED,
    )
    return [
        Operator(forward, partial(_max, axis), _gradient_maker, partial(_cases, axis)),
        Operator(backward, partial(_gradient, axis), cases=partial(_gradient_cases, axis)),
    ]


ROW_MAXIMA = [
    *_pair("RowwiseMax", 2, "row", "(B, M)"),
    *_pair("ColwiseMax", 1, "column", "(B, N)"),
]
