"""Shape and Size: what a tensor looks like, as numbers."""

import numpy as np

from c2.ops.results import stored
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.schema import NoGradient


def _infer_shape(X, *, axes):
    for axis in axes:
        require(
            0 <= axis < X.ndim,
            "axes must be axes of X, counted from the front",
            f"0 to {X.ndim - 1}",
            axis,
        )
    return TensorSpec((len(axes) or X.ndim,), "int64")


SHAPE = OpSchema(
    "Shape",
    doc="shape = the sizes of the axes of X, or of those named in `axes`, in that order.",
    inputs=[Tensor("X", "any shape and dtype")],
    outputs=[Tensor("shape", "int64 (n,)")],
    args=[Arg("axes", "ints", default=(), doc="which axes, counted from the front; empty: all")],
    infer=_infer_shape,
    cost=lambda X, **args: 0,
    gradient=NoGradient.FORBIDDEN,
)

SIZE = OpSchema(
    "Size",
    doc="size = the number of elements of X; 1 for a 0-d one.",
    inputs=[Tensor("X", "any shape and dtype")],
    outputs=[Tensor("size", "int64, 0-d")],
    infer=lambda X: TensorSpec((), "int64"),
    cost=lambda X: 0,
    gradient=NoGradient.STOPS,
)


@kernel(SHAPE)
def shape(xp, X, *, axes, out=None):
    sizes = [X.shape[k] for k in axes] if len(axes) else X.shape
    return stored(xp, xp.asarray(sizes, dtype="int64"), out)


@kernel(SIZE)
def size(xp, X, *, out=None):
    return stored(xp, X.size, out, (), "int64")


@cases(SHAPE)
def shape_cases(rng):
    X = np.zeros((2, 3, 4), np.int8)
    yield Case({"X": X}, {}, {"shape": [2, 3, 4]})
    yield Case({"X": X}, {"axes": [2, 0, 0]}, {"shape": [4, 2, 2]})
    yield Case({"X": np.zeros(())}, {}, {"shape": []})
    yield Case({"X": np.array([b"a"], object)}, {}, {"shape": [1]})


@cases(SIZE)
def size_cases(rng):
    for X, n in [
        (np.zeros((2, 3)), 6),
        (np.zeros(()), 1),
        (np.zeros((0, 3)), 0),
        (np.array([b"a"], object), 1),
    ]:
        yield Case({"X": X}, {}, {"size": n})
