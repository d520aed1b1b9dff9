"""BatchPermutation: rows in another order."""

import numpy as np

from c2.ops.index.rows import add_at, require_inside
from c2.ops.results import stored
from c2.ops.rules import equal, rank
from c2.registry import Case, OpSchema, Tensor, cases, gradient, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

INDICES = Tensor("indices", "(N,): a permutation of the rows", frozenset({"int32"}))


def _infer(X, indices):
    require(X.ndim >= 1, "X must have one axis or more", "1 or more axes", X.shape)
    rank("indices", indices, 1)
    equal("indices must have one element per row", X.shape[0], indices.size)
    return X.with_shape(X.shape)


BATCH_PERMUTATION = OpSchema(
    "BatchPermutation",
    doc="""Y[n] = X[indices[n]].

    Differs from Caffe2: an index outside of X is an error; float16 and float64 are taken too.
    """,
    inputs=[Tensor("X", "(N, ...)", FLOAT), INDICES],
    outputs=[Tensor("Y", "shape and dtype of X")],
    infer=_infer,
    cost=lambda *specs: 0,
)

BATCH_PERMUTATION_GRADIENT = OpSchema(
    "BatchPermutationGradient",
    doc="dX[indices[n]] += dY[n]; in a permutation every row gets one.",
    inputs=[INDICES, Tensor("dY", "(N, ...)", FLOAT)],
    outputs=[Tensor("dX", "shape and dtype of dY")],
    infer=lambda indices, dY: _infer(dY, indices),
    cost=lambda *specs: 0,
    gradient=NoGradient.NOT_IMPLEMENTED,
)


@kernel(BATCH_PERMUTATION)
def batch_permutation(xp, X, indices, *, out=None):
    require_inside(indices, X.shape[0], "indices")
    return stored(xp, X[indices], out)


@kernel(BATCH_PERMUTATION_GRADIENT)
def batch_permutation_gradient(xp, indices, dY, *, out=None):
    require_inside(indices, dY.shape[0], "indices")
    dX = xp.empty(dY.shape, dY.dtype) if out is None else out
    dX[...] = dY.dtype.type(0)
    add_at(xp, dX, indices, dY)
    return dX


@gradient(BATCH_PERMUTATION)
def batch_permutation_gradient_maker(g):
    return [g.op("BatchPermutationGradient", [g.I("indices"), g.GO("Y")], [g.GI("X")])]


def _samples(rng):
    for shape in [(4,), (3, 2), (3, 1, 2)]:
        order = rng.permutation(shape[0]).astype(np.int32)
        yield rng.uniform(-1, 1, shape), order, np.eye(shape[0])[order]


@cases(BATCH_PERMUTATION)
def batch_permutation_cases(rng):
    for X, order, matrix in _samples(rng):
        yield Case({"X": X, "indices": order}, {}, {"Y": np.tensordot(matrix, X, (1, 0))})
    yield Case(
        {"X": np.zeros((0, 2)), "indices": np.zeros(0, np.int32)},
        {},
        {"Y": np.zeros((0, 2))},
        id="empty",
    )


@cases(BATCH_PERMUTATION_GRADIENT)
def batch_permutation_gradient_cases(rng):
    for dY, order, matrix in _samples(rng):
        yield Case({"indices": order, "dY": dY}, {}, {"dX": np.tensordot(matrix.T, dY, (1, 0))})
