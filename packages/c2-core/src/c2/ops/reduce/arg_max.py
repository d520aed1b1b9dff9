"""ArgMax and ArgMin: where the extreme along an axis stands."""

from functools import partial

import numpy as np

from c2.ops.reduce.axes import KEEPDIMS, reduced_shape
from c2.ops.results import stored
from c2.ops.rules import canonical_axis
from c2.registry import Arg, Case, Operator, OpSchema, Tensor, TensorSpec
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT, INDEX

AXIS = Arg(
    "axis", int, default=-1, doc="the axis to search along; negative ones count from the end"
)


def _infer(X, *, axis, keepdims):
    axis = canonical_axis("axis", axis, X.ndim)
    return TensorSpec(reduced_shape(X.shape, (axis,), keepdims), "int64")


def arg_max(xp, X, *, axis, keepdims, out=None):
    return _search(xp, xp.argmax, X, axis, keepdims, out)


def arg_min(xp, X, *, axis, keepdims, out=None):
    return _search(xp, xp.argmin, X, axis, keepdims, out)


def _search(xp, search, X, axis, keepdims, out):
    axis %= X.ndim
    shape = reduced_shape(X.shape, (axis,), keepdims)
    if X.shape[axis]:
        found = search(X, axis=axis).reshape(shape)
    else:
        found = xp.zeros(shape, "int64")
    return stored(xp, found, out, dtype="int64")


def _cases(sign, rng):
    X = rng.permutation(24).reshape(2, 3, 4) * 1.0
    for axis in (-1, 0, 1, -3):
        for keepdims in (True, False):
            expected = np.argsort(-sign * X, axis, kind="stable").take(0, axis)
            if keepdims:
                expected = np.expand_dims(expected, axis)
            yield Case({"X": X}, {"axis": axis, "keepdims": keepdims}, {"Indices": expected})
    ties = np.array([[1, 3, 3, 1], [2, 2, 2, 2]])
    first = {1: [[1], [0]], -1: [[0], [0]]}[sign]
    for dtype in ("int32", "int64", "float32"):
        yield Case({"X": ties.astype(dtype)}, {}, {"Indices": first})
    yield Case({"X": np.zeros((2, 0))}, {}, {"Indices": [[0], [0]]}, id="empty-axis")
    yield Case({"X": np.zeros((0, 2))}, {}, {"Indices": np.zeros((0, 1))}, id="empty")


def _operator(type_, kernel, what, sign):
    schema = OpSchema(
        type_,
        doc=f"""Indices = the place of the {what} of X along `axis`.

        Of equal elements the first counts; along an axis of size 0 the answer is 0. Differs from Caffe2: any
        negative axis is taken, not only -1; float16 is taken too; a NaN counts as the {what} (there only where
        it comes first).
        """,
        inputs=[Tensor("X", "one axis or more", FLOAT | INDEX)],
        outputs=[Tensor("Indices", "int64, the kept axes")],
        args=[AXIS, KEEPDIMS],
        infer=_infer,
        cost=lambda X, **args: X.size,
        gradient=NoGradient.FORBIDDEN,
    )
    return Operator(schema, kernel, cases=partial(_cases, sign))


ARG_EXTREMES = [
    _operator("ArgMax", arg_max, "maximum", 1),
    _operator("ArgMin", arg_min, "minimum", -1),
]
