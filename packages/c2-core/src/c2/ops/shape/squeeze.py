"""Squeeze and ExpandDims: axes of size 1 taken away and put in."""

import numpy as np

from c2.ops.shape.same_elements import SameElements
from c2.registry import (
    REQUIRED,
    Arg,
    Case,
    OpSchema,
    Tensor,
    TensorSpec,
    cases,
    gradient,
    kernel,
    require,
)


def _canonical(dims):
    require(len(dims) > 0, "dims must name one axis or more", "one or more", tuple(dims))
    require(min(dims) >= 0, "dims must not be negative", "0 or more", tuple(dims))
    return sorted(set(dims))


def squeezed_shape(shape, dims):
    """The shape without the axes `dims`, which must have size 1."""
    for axis in (dims := _canonical(dims)):
        require(axis < len(shape), "dims must be axes of data", f"0 to {len(shape) - 1}", axis)
        require(shape[axis] == 1, f"axis {axis} of data must have size 1", 1, shape[axis])
    return tuple(size for k, size in enumerate(shape) if k not in dims)


def expanded_shape(shape, dims):
    """The shape with axes of size 1 that stand at `dims` of the result."""
    sizes = list(shape)
    dims = _canonical(dims)
    last = len(shape) + len(dims) - 1
    require(dims[-1] <= last, "dims must be axes of the result", f"0 to {last}", dims[-1])
    for axis in dims:
        sizes.insert(axis, 1)
    return tuple(sizes)


def _infer_squeeze(data, *, dims):
    return TensorSpec(squeezed_shape(data.shape, dims), data.dtype)


def _infer_expand(data, *, dims):
    return TensorSpec(expanded_shape(data.shape, dims), data.dtype)


SQUEEZE = OpSchema(
    "Squeeze",
    doc="squeezed = data without the axes `dims`, each of which must have size 1.",
    inputs=[Tensor("data", "any dtype")],
    outputs=[Tensor("squeezed", "data without those axes")],
    args=[
        Arg(
            "dims",
            "ints",
            default=REQUIRED,
            doc="axes of data to take away, not negative, in any order",
        )
    ],
    infer=_infer_squeeze,
    inplace={"data": "squeezed"},
    cost=lambda data, **args: 0,
)

EXPAND_DIMS = OpSchema(
    "ExpandDims",
    doc="expanded = data with axes of size 1 put in, so that they stand at `dims` of the result.",
    inputs=[Tensor("data", "any shape and dtype")],
    outputs=[Tensor("expanded", "data with those axes")],
    args=[
        Arg(
            "dims",
            "ints",
            default=REQUIRED,
            doc="axes of the result that are new, not negative, in any order",
        )
    ],
    infer=_infer_expand,
    inplace={"data": "expanded"},
    cost=lambda data, **args: 0,
)


@kernel(SQUEEZE)
class Squeeze(SameElements):
    infer = staticmethod(_infer_squeeze)


@kernel(EXPAND_DIMS)
class ExpandDims(SameElements):
    infer = staticmethod(_infer_expand)


@gradient(SQUEEZE)
def squeeze_gradient_maker(g):
    return [g.op("ExpandDims", [g.GO("squeezed")], [g.GI("data")])]


@gradient(EXPAND_DIMS)
def expand_dims_gradient_maker(g):
    return [g.op("Squeeze", [g.GO("expanded")], [g.GI("data")])]


@cases(SQUEEZE)
def squeeze_cases(rng):
    X = rng.uniform(-1, 1, (1, 2, 1, 3, 1))
    for dims in ([0], [2], [4, 0], [0, 2, 4], [2, 2]):
        yield Case({"data": X}, {"dims": dims}, {"squeezed": np.squeeze(X, tuple(set(dims)))})
    yield Case({"data": np.array([[7]])}, {"dims": [0, 1]}, {"squeezed": 7}, id="to-0-d")


@cases(EXPAND_DIMS)
def expand_dims_cases(rng):
    X = rng.uniform(-1, 1, (2, 3))
    for dims in ([0], [1], [2], [0, 2], [4, 0, 2], [1, 1]):
        expected = np.expand_dims(X, tuple(set(dims)))
        yield Case({"data": X}, {"dims": dims}, {"expanded": expected})
    yield Case({"data": np.array(7)}, {"dims": [0, 1]}, {"expanded": [[7]]}, id="0-d")
    yield Case(
        {"data": np.zeros((0, 2))}, {"dims": [1]}, {"expanded": np.zeros((0, 1, 2))}, id="empty"
    )
