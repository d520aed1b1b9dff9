"""OneHot and SegmentOneHot: a one at the place of each index."""

import numpy as np

from c2.ops.index.rows import require_inside, segment_ids
from c2.ops.rules import equal, one_element, rank
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.schema import NoGradient

WIDE = frozenset({"int64"})
INDEX_SIZE = Tensor("index_size_tensor", "one number: how many columns", WIDE)


def _infer_columns(rows, index_size_tensor):
    one_element(index_size_tensor=index_size_tensor)
    if index_size_tensor.value is None:
        return TensorSpec(None, "float32")
    columns = int(index_size_tensor.value.reshape(-1)[0])
    require(columns >= 0, "index_size_tensor must not be negative", "0 or more", columns)
    return TensorSpec((rows, columns), "float32")


def _infer(indices, index_size_tensor):
    rank("indices", indices, 1)
    return _infer_columns(indices.size, index_size_tensor)


ONE_HOT = OpSchema(
    "OneHot",
    doc="""one_hots[n, indices[n]] = 1, all else 0.

    Differs from Caffe2: an index outside of the columns is an error (there it is written wherever it points to),
    and no indices give an empty float32 tensor (there one without dtype).
    """,
    inputs=[Tensor("indices", "(N,)", WIDE), INDEX_SIZE],
    outputs=[Tensor("one_hots", "float32 (N, index_size)")],
    infer=_infer,
    values={"index_size_tensor"},
    cost=lambda *specs: 0,
    gradient=NoGradient.STOPS,
)


def _infer_segments(lengths, indices, index_size_tensor):
    rank("lengths", lengths, 1)
    rank("indices", indices, 1)
    return _infer_columns(lengths.size, index_size_tensor)


SEGMENT_ONE_HOT = OpSchema(
    "SegmentOneHot",
    doc="""one_hots[n, i] = 1 for the lengths[n] indices i of segment n, all else 0.

    Differs from Caffe2: an index outside of the columns, and lengths that do not add up to the number of indices,
    are errors (there it writes wherever they point to).
    """,
    inputs=[
        Tensor("lengths", "(N,): how many indices each segment has", frozenset({"int32"})),
        Tensor("indices", "(K,): columns, segment after segment", WIDE),
        INDEX_SIZE,
    ],
    outputs=[Tensor("one_hots", "float32 (N, index_size)")],
    infer=_infer_segments,
    values={"index_size_tensor"},
    cost=lambda *specs: 0,
    gradient=NoGradient.STOPS,
)


def _marked(xp, rows, n_rows, indices, index_size_tensor, out):
    columns = int(index_size_tensor.reshape(-1)[0])
    require_inside(indices, columns, "indices")
    one_hots = xp.empty((n_rows, columns), "float32") if out is None else out
    one_hots[...] = 0
    one_hots[rows, indices] = 1
    return one_hots


@kernel(ONE_HOT)
def one_hot(xp, indices, index_size_tensor, *, out=None):
    rows = xp.arange(indices.size)
    return _marked(xp, rows, indices.size, indices, index_size_tensor, out)


@kernel(SEGMENT_ONE_HOT)
def segment_one_hot(xp, lengths, indices, index_size_tensor, *, out=None):
    equal("lengths must add up to the number of indices", indices.size, int(lengths.sum()))
    rows = segment_ids(xp, lengths, indices.size)
    return _marked(xp, rows, lengths.size, indices, index_size_tensor, out)


@cases(ONE_HOT)
def one_hot_cases(rng):
    for indices, columns in [([0, 2, 2], 3), ([1], 4), ([], 2)]:
        picked = np.array(indices, np.int64)
        for size in (np.array(columns), np.array([columns])):
            inputs = {"indices": picked, "index_size_tensor": size}
            yield Case(inputs, {}, {"one_hots": np.eye(columns)[picked]})


@cases(SEGMENT_ONE_HOT)
def segment_one_hot_cases(rng):
    for lengths, indices in [([2, 0, 1], [0, 2, 1]), ([2, 1], [1, 1, 0]), ([], [])]:
        at = iter(indices)
        expected = np.zeros((len(lengths), 3))
        for n, length in enumerate(lengths):
            for _ in range(length):
                expected[n, next(at)] = 1
        inputs = {"lengths": np.array(lengths, np.int32), "indices": np.array(indices, np.int64)}
        yield Case({**inputs, "index_size_tensor": np.array([3])}, {}, {"one_hots": expected})
