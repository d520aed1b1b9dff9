"""BatchOneHot and BatchBucketOneHot: columns of categories, or of numbers, as columns of ones and zeros."""

import numpy as np

from c2.ops.index.rows import segment_ids
from c2.ops.results import stored
from c2.ops.rules import equal, rank, same_dtype
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT, INDEX

LENGTHS = Tensor(
    "lengths",
    "(D,): how many entries of the third input belong to each column",
    frozenset({"int32"}),
)


def _columns(X):
    require(X.ndim >= 1, "data must have one axis or more", "1 or more axes", X.shape)
    return 1 if X.ndim == 1 else X.with_shape(X.shape[1:]).size


def _infer_one_hot(data, lengths, values):
    same_dtype(data=data, values=values)
    equal("lengths must have one entry per column of data", _columns(data), lengths.size)
    return TensorSpec((data.shape[0], values.size), data.dtype)


BATCH_ONE_HOT = OpSchema(
    "BatchOneHot",
    doc="""output[n, k] = 1 where data[n, d] = values[k], else 0, for the lengths[d] values k of column d.

    lengths must add up to the number of values.
    """,
    inputs=[
        Tensor("data", "(N, D)", INDEX),
        LENGTHS,
        Tensor("values", "(K,), dtype of data", INDEX),
    ],
    outputs=[Tensor("output", "(N, K), dtype of data")],
    infer=_infer_one_hot,
    cost=lambda data, lengths, values: data.shape[0] * values.size,
    gradient=NoGradient.STOPS,
)


def _infer_buckets(data, lengths, boundaries):
    same_dtype(data=data, boundaries=boundaries)
    rank("data", data, 2)
    rank("lengths", lengths, 1)
    rank("boundaries", boundaries, 1)
    equal("lengths must have one entry per column of data", data.shape[1], lengths.size)
    return TensorSpec((data.shape[0], boundaries.size + lengths.size), data.dtype)


BATCH_BUCKET_ONE_HOT = OpSchema(
    "BatchBucketOneHot",
    doc="""Marks the bucket of each number: lengths[d] rising boundaries cut column d into lengths[d] + 1 buckets.

    Bucket k holds boundaries[k - 1] < x <= boundaries[k]. A number equal to a boundary that is repeated goes to the
    bucket between the copies. lengths must be above 0 and add up to the number of boundaries. NaN goes to the middle
    bucket, as in Caffe2. Differs from Caffe2: float16 and float64 are taken too.
    """,
    inputs=[
        Tensor("data", "(N, D)", FLOAT),
        LENGTHS,
        Tensor("boundaries", "(K,), dtype of data", FLOAT),
    ],
    outputs=[Tensor("output", "(N, K + D), dtype of data, 0 and 1")],
    infer=_infer_buckets,
    cost=lambda data, lengths, boundaries: data.size * max(boundaries.size.bit_length(), 1),
    gradient=NoGradient.FORBIDDEN,
)


@kernel(BATCH_ONE_HOT)
def batch_one_hot(xp, data, lengths, values, *, out=None):
    equal("lengths must add up to the number of values", values.size, int(lengths.sum()))
    column = segment_ids(xp, lengths, values.size)
    lines = data.reshape(data.shape[0], lengths.size)
    return stored(xp, lines[:, column] == values.reshape(-1), out, dtype=data.dtype)


@kernel(BATCH_BUCKET_ONE_HOT)
def batch_bucket_one_hot(xp, data, lengths, boundaries, *, out=None):
    sizes = lengths.tolist()
    require(all(n > 0 for n in sizes), "lengths must be above 0", "1 or more", sizes)
    equal("lengths must add up to the number of boundaries", boundaries.size, sum(sizes))
    output = (
        xp.empty((data.shape[0], boundaries.size + len(sizes)), data.dtype) if out is None else out
    )
    output[...] = data.dtype.type(0)
    rows, begin = xp.arange(data.shape[0]), 0
    for d, n in enumerate(sizes):
        x, edges = data[:, d], boundaries.reshape(-1)[begin : begin + n]
        low = xp.where(x == x, xp.searchsorted(edges, x, side="left"), 0)
        bucket = (low + xp.searchsorted(edges, x, side="right")) // 2
        output[rows, begin + d + bucket] = data.dtype.type(1)
        begin += n
    return output


@cases(BATCH_ONE_HOT)
def batch_one_hot_cases(rng):
    for dtype in (np.int32, np.int64):
        data = rng.integers(0, 4, (5, 2)).astype(dtype)
        values = np.array([1, 3, 0, 2, 9], dtype)
        expected = [
            [int(x[0] == v) for v in values[:2]] + [int(x[1] == v) for v in values[2:]]
            for x in data
        ]
        inputs = {"data": data, "lengths": np.array([2, 3], np.int32), "values": values}
        yield Case(inputs, {}, {"output": expected})
    line = {"data": np.array([4, 5]), "lengths": np.array([1], np.int32), "values": np.array([4])}
    yield Case(line, {}, {"output": [[1], [0]]}, id="vector")
    empty = {
        "data": np.zeros((0, 1), np.int64),
        "lengths": np.array([1], np.int32),
        "values": np.array([4]),
    }
    yield Case(empty, {}, {"output": np.zeros((0, 1))}, id="empty")


@cases(BATCH_BUCKET_ONE_HOT)
def batch_bucket_one_hot_cases(rng):
    data = np.array([[2.0, 3.0], [4.0, 1.0], [2.5, 5.0], [np.nan, 3.5]])
    inputs = {
        "data": data,
        "lengths": np.array([2, 3], np.int32),
        "boundaries": np.array([0.5, 2.5, 1, 3.5, 4.5]),
    }
    expected = np.zeros((4, 7))
    for n, buckets in enumerate([(1, 1), (2, 0), (1, 3), (1, 1)]):
        expected[n, [buckets[0], 3 + buckets[1]]] = 1
    yield Case(inputs, {}, {"output": expected})
    repeated = {
        "data": np.array([[2.0]]),
        "lengths": np.array([2], np.int32),
        "boundaries": np.array([2.0, 2.0]),
    }
    yield Case(repeated, {}, {"output": [[0, 1, 0]]}, id="repeated")
