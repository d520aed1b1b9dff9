"""Expand and its gradient: repeat along axes of size 1."""

import numpy as np

from c2.ops.results import stored
from c2.ops.rules import equal, same_dtype
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT, INDEX


def expanded_shape(shape, wanted):
    """Both shapes aligned at their ends and broadcast; an entry below 1 keeps the size of the tensor."""
    n = max(len(shape), len(wanted))
    sizes = (1,) * (n - len(shape)) + tuple(shape)
    targets = [1] * (n - len(wanted)) + [max(w, 1) for w in wanted]
    for size, target in zip(sizes, targets):
        require(
            1 in (size, target) or size == target,
            "X must broadcast to shape",
            tuple(wanted),
            tuple(shape),
        )
    return tuple(target if size == 1 else size for size, target in zip(sizes, targets))


def _infer(X, shape):
    if shape.value is None:
        return TensorSpec(None, X.dtype)
    return TensorSpec(expanded_shape(X.shape, shape.value.reshape(-1).tolist()), X.dtype)


EXPAND = OpSchema(
    "Expand",
    doc="""Y = X broadcast to `shape`, both aligned at their last axes.

    Sizes must be equal or one of them 1; an entry of shape below 1 keeps the size of X, and so does a shape with
    fewer entries. Differs from Caffe2: every dtype is taken, and int32 shapes.
    """,
    inputs=[Tensor("X", "any shape and dtype"), Tensor("shape", "the sizes", INDEX)],
    outputs=[Tensor("Y", "the common shape; dtype of X")],
    infer=_infer,
    values={"shape"},
    cost=lambda *specs: 0,
)


def _infer_gradient(dY, X):
    same_dtype(X=X, dY=dY)
    equal(
        "dY must have a shape that X is broadcast to", expanded_shape(X.shape, dY.shape), dY.shape
    )
    return X.with_shape(X.shape)


EXPAND_GRADIENT = OpSchema(
    "ExpandGradient",
    doc="dX = the sum of dY over the axes that Expand added or repeated.",
    inputs=[
        Tensor("dY", "shape of the output of Expand", FLOAT | INDEX),
        Tensor("X", "input of Expand", FLOAT | INDEX),
    ],
    outputs=[Tensor("dX", "shape and dtype of X")],
    infer=_infer_gradient,
    cost=lambda dY, X: dY.size,
    gradient=NoGradient.NOT_IMPLEMENTED,
)


@kernel(EXPAND)
def expand(xp, X, shape, *, out=None):
    Y = xp.broadcast_to(X, expanded_shape(X.shape, shape.reshape(-1).tolist()))
    return stored(xp, Y, out)


@kernel(EXPAND_GRADIENT)
def expand_gradient(xp, dY, X, *, out=None):
    new = dY.ndim - X.ndim
    repeated = [k + new for k, size in enumerate(X.shape) if size == 1 != dY.shape[k + new]]
    total = dY.sum(axis=(*range(new), *repeated), dtype=dY.dtype)
    return stored(xp, xp.asarray(total).reshape(X.shape), out)


@gradient(EXPAND)
def expand_gradient_maker(g):
    return [g.op("ExpandGradient", [g.GO("Y"), g.I("X")], [g.GI("X")])]


@cases(EXPAND)
def expand_cases(rng):
    for shape, wanted, times in [
        ((3,), [2, 3], [[1], [1]]), ((3, 1), [2], [[1, 1]]), ((3, 1), [1, 2], [[1, 1]]), ((3,), [], [1]),
        ((1, 3), [2, -1], [[1], [1]]), ((), [2], [1, 1]), ((2, 1, 3), [2, 1, 1], [1]), ((1,), [0], [1]),
        ((0, 3), [1, 3], [1]),
    ]:  # fmt: skip
        X = rng.uniform(-1, 1, shape)
        for dtype in ("int32", "int64"):
            yield Case({"X": X, "shape": np.array(wanted, dtype)}, {}, {"Y": X * np.array(times)})


@cases(EXPAND_GRADIENT)
def expand_gradient_cases(rng):
    dY = rng.uniform(-1, 1, (2, 3))
    for shape, terms in [
        ((2, 3), "ij->ij"),
        ((3,), "ij->j"),
        ((2, 1), "ij->i"),
        ((), "ij->"),
        ((1, 1), "ij->"),
    ]:
        expected = np.einsum(terms, dY).reshape(shape)
        yield Case({"dY": dY, "X": np.zeros(shape)}, {}, {"dX": expected})
