"""Bucketize and BatchBucketize: which of the buckets between rising boundaries a number falls into."""

import numpy as np

from c2.ops.index.rows import require_inside
from c2.ops.results import stored
from c2.ops.rules import equal, rank, same_dtype
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

NARROW = frozenset({"int32"})


def _infer(data, *, boundaries):
    require(data.ndim >= 1, "data must have one axis or more", "1 or more axes", data.shape)
    rising = list(boundaries) == sorted(boundaries)
    require(rising, "boundaries must rise", "each at or above the one before", tuple(boundaries))
    return data.with_dtype("int32")


BUCKETIZE = OpSchema(
    "Bucketize",
    doc="""output = how many boundaries are below the element of data: bucket k is (boundaries[k - 1], boundaries[k]].

    NaN and everything up to the first boundary give 0. Differs from Caffe2: float16 and float64 are taken too.
    """,
    inputs=[Tensor("data", "one axis or more", FLOAT)],
    outputs=[Tensor("output", "int32, shape of data")],
    args=[
        Arg("boundaries", "floats", default=(), doc="rising; equal ones enclose an empty bucket")
    ],
    infer=_infer,
    cost=lambda data, *, boundaries: data.size * max(len(boundaries).bit_length(), 1),
    gradient=NoGradient.FORBIDDEN,
)


def _infer_batch(float_features, indices, boundaries, lengths):
    same_dtype(float_features=float_features, boundaries=boundaries)
    rank("float_features", float_features, 2)
    for name, spec in (("indices", indices), ("boundaries", boundaries), ("lengths", lengths)):
        rank(name, spec, 1)
    equal("lengths must have one entry per index", indices.size, lengths.size)
    return TensorSpec((float_features.shape[0], indices.size), "int32")


BATCH_BUCKETIZE = OpSchema(
    "BatchBucketize",
    doc="""output[n, k] = how many of the lengths[k] rising boundaries of k are below float_features[n, indices[k]].

    lengths must add up to the number of boundaries; an index outside of the columns is an error; NaN gives 0.
    Differs from Caffe2: boundaries that do not rise are refused, and float16 and float64 are taken too.
    """,
    inputs=[
        Tensor("float_features", "(N, D)", FLOAT),
        Tensor("indices", "(M,): columns of float_features", NARROW),
        Tensor("boundaries", "(K,): rising for each index, one after the other", FLOAT),
        Tensor("lengths", "(M,): how many boundaries each index has", NARROW),
    ],
    outputs=[Tensor("bucktized_feat", "int32 (N, M)")],
    infer=_infer_batch,
    cost=lambda X, indices, boundaries, lengths: (
        X.shape[0] * indices.size * max(boundaries.size.bit_length(), 1)
    ),
    gradient=NoGradient.STOPS,
)


def _buckets(xp, X, boundaries):
    return xp.where(X == X, xp.searchsorted(boundaries, X, side="left"), 0)


@kernel(BUCKETIZE)
def bucketize(xp, data, *, boundaries, out=None):
    edges = xp.asarray(boundaries, dtype=data.dtype)
    return stored(xp, _buckets(xp, data, edges), out, dtype="int32")


@kernel(BATCH_BUCKETIZE)
def batch_bucketize(xp, float_features, indices, boundaries, lengths, *, out=None):
    sizes = lengths.tolist()
    require(all(n >= 0 for n in sizes), "lengths must not be negative", "0 or more", sizes)
    equal("lengths must add up to the number of boundaries", boundaries.size, sum(sizes))
    require_inside(indices, float_features.shape[1], "indices")
    output = xp.empty((float_features.shape[0], indices.size), "int32") if out is None else out
    begin = 0
    for k, (column, n) in enumerate(zip(indices.tolist(), sizes)):
        edges = boundaries[begin : begin + n]
        require(
            bool((edges[1:] >= edges[:-1]).all()),
            "boundaries must rise for each index",
            "rising",
            f"those of {k}",
        )
        output[:, k] = _buckets(xp, float_features[:, column], edges)
        begin += n
    return output


@cases(BUCKETIZE)
def bucketize_cases(rng):
    X = np.array([0, 1, 1.5, 2, 3, -np.inf, np.inf, np.nan])
    for boundaries in ([1.0, 2.0], [1.0, 1.0], [0.5], []):
        expected = [sum(x > b for b in boundaries) for x in X]
        yield Case({"data": X}, {"boundaries": boundaries}, {"output": expected})
        yield Case(
            {"data": X.reshape(2, 4)},
            {"boundaries": boundaries},
            {"output": np.reshape(expected, (2, 4))},
        )
    yield Case({"data": X[:0]}, {"boundaries": [1.0]}, {"output": np.zeros(0)}, id="empty")


@cases(BATCH_BUCKETIZE)
def batch_bucketize_cases(rng):
    X = np.vstack([rng.uniform(0, 5, (4, 5)), np.full((1, 5), np.nan)])
    columns, edges = [0, 4, 0], [[0.5, 1.0, 1.5], [], [2.5, 3.5]]
    expected = [[sum(x[c] > e for e in line) for c, line in zip(columns, edges)] for x in X]
    inputs = {
        "float_features": X,
        "indices": np.array(columns, np.int32),
        "boundaries": np.array([e for line in edges for e in line]),
        "lengths": np.array([3, 0, 2], np.int32),
    }
    yield Case(inputs, {}, {"bucktized_feat": expected})
