"""FlexibleTopK: the largest elements of each row, another number of them in each."""

import numpy as np

from c2.ops.index.rows import require_inside, segment_ids
from c2.ops.rules import equal, same_dtype
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

K = Tensor("K", "one number per row of X, 1 to the length of a row", frozenset({"int64"}))


def _rows(X):
    return X.with_shape(X.shape[:-1]).size


def _infer(X, K):
    require(X.ndim >= 1, "X must have one axis or more", "1 or more axes", X.shape)
    equal("K must have one number per row of X", _rows(X), K.size)
    return TensorSpec(None, X.dtype), TensorSpec(None, "int64")


FLEXIBLE_TOP_K = OpSchema(
    "FlexibleTopK",
    doc="""The K[n] largest elements of row n in falling order, and their places in the row, for all rows n in one list.

    Rows are along the last axis. Of equal elements the one with the smaller index comes first. Differs from Caffe2:
    NaN counts as -infinity; float16 and float64 are taken too.
    """,
    inputs=[Tensor("X", "(..., length of a row)", FLOAT), K],
    outputs=[
        Tensor("Flatten values", "(sum of K,), dtype of X"),
        Tensor("Flatten indices", "int64 (sum of K,)"),
    ],
    infer=_infer,
    cost=lambda X, K: X.size * max(X.size.bit_length(), 1),
)


def _infer_gradient(X, K, dvalues, indices):
    same_dtype(X=X, dvalues=dvalues)
    equal("K must have one number per row of X", _rows(X), K.size)
    equal("indices must have the shape of dvalues", dvalues.shape, indices.shape)
    return X.with_shape(X.shape)


FLEXIBLE_TOP_K_GRADIENT = OpSchema(
    "FlexibleTopKGradient",
    doc="dX = dvalues at the places that FlexibleTopK took, 0 elsewhere.",
    inputs=[
        Tensor("X", "input of FlexibleTopK; only its shape is read", FLOAT),
        K,
        Tensor("dvalues", "(sum of K,)", FLOAT),
        Tensor("indices", "second output of FlexibleTopK", frozenset({"int64"})),
    ],
    outputs=[Tensor("dX", "shape and dtype of X")],
    infer=_infer_gradient,
    cost=lambda X, K, dvalues, indices: dvalues.size,
    gradient=NoGradient.NOT_IMPLEMENTED,
)


@kernel(FLEXIBLE_TOP_K)
def flexible_top_k(xp, X, K):
    n = X.shape[-1]
    if K.size:
        low, high = int(K.min()), int(K.max())
        require(
            low >= 1 and high <= n,
            "K must be between 1 and the length of a row",
            f"1 to {n}",
            f"{low} to {high}",
        )
    lines = X.reshape(K.size, n)
    falling = xp.where(lines == lines, -lines, X.dtype.type(np.inf))
    order = xp.argsort(falling, axis=1, kind="stable")
    taken = xp.arange(n) < K.reshape(-1, 1)
    return xp.take_along_axis(lines, order, axis=1)[taken], order[taken].astype("int64")


@kernel(FLEXIBLE_TOP_K_GRADIENT)
def flexible_top_k_gradient(xp, X, K, dvalues, indices, *, out=None):
    dX = xp.empty(X.shape, X.dtype) if out is None else out
    dX[...] = X.dtype.type(0)
    equal("K must add up to the number of indices", indices.size, int(K.sum()))
    require_inside(indices, X.shape[-1], "indices")
    row = segment_ids(xp, K.reshape(-1), indices.size)
    dX.reshape(-1)[row * X.shape[-1] + indices] = dvalues
    return dX


@gradient(FLEXIBLE_TOP_K)
def flexible_top_k_gradient_maker(g):
    inputs = [g.I("X"), g.I("K"), g.GO(0), g.O(1)]
    return [g.op("FlexibleTopKGradient", inputs, [g.GI("X")])]


@cases(FLEXIBLE_TOP_K)
def flexible_top_k_cases(rng):
    for shape, K in [((3, 4), [2, 4, 1]), ((5,), [3]), ((2, 2, 3), [[1, 2], [3, 1]]), ((0, 3), [])]:
        X = rng.permutation(int(np.prod(shape))).reshape(shape) * 1.0
        values, indices = [], []
        for line, k in zip(X.reshape(-1, shape[-1]), np.ravel(K)):
            order = sorted(range(len(line)), key=lambda i: -line[i])[: int(k)]
            values += [line[i] for i in order]
            indices += order
        expect = {"Flatten values": np.array(values), "Flatten indices": np.array(indices)}
        yield Case({"X": X, "K": np.array(K, np.int64)}, {}, expect)
    ties = {"X": np.array([[5.0, 7.0, 7.0, np.nan, 5.0]]), "K": np.array([4])}
    expect = {"Flatten values": [7, 7, 5, 5], "Flatten indices": [1, 2, 0, 4]}
    yield Case(ties, {}, expect, grad=(), id="ties")


@cases(FLEXIBLE_TOP_K_GRADIENT)
def flexible_top_k_gradient_cases(rng):
    inputs = {"X": np.zeros((2, 3)), "K": np.array([2, 1]), "dvalues": np.array([7.0, 8.0, 9.0])}
    yield Case({**inputs, "indices": np.array([1, 2, 0])}, {}, {"dX": [[0, 7, 8], [9, 0, 0]]})
