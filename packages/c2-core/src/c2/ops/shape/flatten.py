"""Flatten, FlattenToVec and ResizeLike."""

import numpy as np

from c2.ops.rules import equal
from c2.ops.shape.same_elements import SameElements
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.schema import NoGradient


def _infer_flatten(X, *, axis):
    require(0 <= axis <= X.ndim, "axis must be in [0, number of axes of X]", f"0 to {X.ndim}", axis)
    front = TensorSpec(X.shape[:axis], X.dtype).size
    return TensorSpec((front, TensorSpec(X.shape[axis:], X.dtype).size), X.dtype)


FLATTEN = OpSchema(
    "Flatten",
    doc="""Y = X as a matrix: axes before `axis` are joined into rows, the others into columns.

    axis 0 gives one row, an axis equal to the number of axes one column.
    """,
    inputs=[Tensor("X", "any shape and dtype")],
    outputs=[Tensor("Y", "(rows, columns); dtype of X")],
    args=[
        Arg("axis", int, default=1, doc="the first axis that goes into the columns; not negative")
    ],
    infer=_infer_flatten,
    cost=lambda X, **args: 0,
)


def _infer_vector(X):
    require(X.ndim >= 1, "input must have one axis or more", "1 or more axes", X.shape)
    return TensorSpec((X.size,), X.dtype)


FLATTEN_TO_VEC = OpSchema(
    "FlattenToVec",
    doc="output = all elements of input in row-major order.",
    inputs=[Tensor("input", "one axis or more, any dtype")],
    outputs=[Tensor("output", "(size of input,)")],
    infer=_infer_vector,
    cost=lambda X: 0,
)


def _infer_like(data, shape_tensor):
    equal("data must have as many elements as shape_tensor", shape_tensor.size, data.size)
    return TensorSpec(shape_tensor.shape, data.dtype)


RESIZE_LIKE = OpSchema(
    "ResizeLike",
    doc="output = the elements of data, in row-major order, in the shape of shape_tensor.",
    inputs=[
        Tensor("data", "any shape and dtype"),
        Tensor("shape_tensor", "as many elements as data; only its shape is read"),
    ],
    outputs=[Tensor("output", "shape of shape_tensor; dtype of data")],
    infer=_infer_like,
    cost=lambda *specs: 0,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(FLATTEN)
class Flatten(SameElements):
    infer = staticmethod(_infer_flatten)


@kernel(FLATTEN_TO_VEC)
class FlattenToVec(SameElements):
    infer = staticmethod(_infer_vector)


@kernel(RESIZE_LIKE)
class ResizeLike(SameElements):
    infer = staticmethod(_infer_like)


@gradient(FLATTEN, FLATTEN_TO_VEC)
def flatten_gradient_maker(g):
    return [g.op("ResizeLike", [g.GO(0), g.I(0)], [g.GI(0)])]


@cases(FLATTEN)
def flatten_cases(rng):
    X = rng.uniform(-1, 1, (2, 3, 4))
    for axis, shape in [(0, (1, 24)), (1, (2, 12)), (2, (6, 4)), (3, (24, 1))]:
        yield Case({"X": X}, {"axis": axis}, {"Y": np.array(X.ravel().tolist()).reshape(shape)})
    yield Case({"X": np.zeros((3, 0, 2))}, {}, {"Y": np.zeros((3, 0))}, id="empty")
    yield Case({"X": np.array(2)}, {"axis": 0}, {"Y": [[2]]}, id="0-d")
    yield Case({"X": np.array([b"a", b"b"], object)}, {}, {"Y": [[b"a"], [b"b"]]}, id="strings")


@cases(FLATTEN_TO_VEC)
def flatten_to_vec_cases(rng):
    for X in [rng.uniform(-1, 1, (2, 3)), np.array([[True], [False]]), np.zeros((0, 2))]:
        yield Case({"input": X}, {}, {"output": np.array(list(X.flat), X.dtype)})


@cases(RESIZE_LIKE)
def resize_like_cases(rng):
    X = rng.uniform(-1, 1, (2, 3))
    for shape in [(6,), (3, 2), (1, 6, 1)]:
        inputs = {"data": X, "shape_tensor": np.zeros(shape, np.int32)}
        yield Case(inputs, {}, {"output": np.array(list(X.flat)).reshape(shape)})
    empty = {"data": np.zeros((0, 2)), "shape_tensor": np.zeros((5, 0), np.int32)}
    yield Case(empty, {}, {"output": np.zeros((5, 0))}, id="empty")
