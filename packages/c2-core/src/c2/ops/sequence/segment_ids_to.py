"""SegmentIdsToLengths and SegmentIdsToRanges: rising ids counted."""

import numpy as np

from c2.ops.rules import rank
from c2.registry import INDEX, Case, Operator, OpSchema, Tensor, TensorSpec, require
from c2.registry.schema import NoGradient
from c2.serialize.budget import check_budget


def _infer(per_segment, segment_ids, data=None):
    rank("segment_ids", segment_ids, 1)
    if data is None:
        return TensorSpec(None, "int32")
    require(data.ndim >= 1, "data must have one axis or more", "1 or more axes", data.shape)
    return TensorSpec((data.shape[0], *per_segment), "int32")


def _count(xp, ids, data):
    """How many elements each segment has."""
    n = int(ids[-1]) + 1 if ids.size else 0
    if data is not None:
        require(
            n <= data.shape[0], "segment_ids must be below the rows of data", data.shape[0], n - 1
        )
        n = data.shape[0]
    check_budget(8 * n, lambda: f"the lengths of {n} segments")
    if not ids.size:
        return xp.zeros(n, "int32")
    require(int(ids[0]) >= 0, "segment_ids must not be negative", "0 or more", int(ids[0]))
    rising = bool((ids[1:] >= ids[:-1]).all())
    require(rising, "segment_ids must rise", "sorted ones", "others")
    return xp.bincount(ids, minlength=n).astype("int32")


def segment_ids_to_lengths(xp, segment_ids, data=None):
    return _count(xp, segment_ids, data)


def segment_ids_to_ranges(xp, segment_ids, data=None):
    lengths = _count(xp, segment_ids, data)
    starts = xp.cumsum(lengths) - lengths
    if segment_ids.size:
        starts[int(segment_ids[-1]) + 1 :] = 0
    return xp.stack([starts.astype("int32"), lengths], axis=1)


def _lengths_cases(rng):
    for dtype in (np.int32, np.int64):
        yield Case({"segment_ids": np.array([0, 0, 2, 2, 2], dtype)}, {}, {"lengths": [2, 0, 3]})
    ids = np.array([1, 1, 2])
    data = {"data (optional)": np.zeros((5, 2))}
    yield Case({"segment_ids": ids, **data}, {}, {"lengths": [0, 2, 1, 0, 0]})
    yield Case({"segment_ids": ids[:0]}, {}, {"lengths": []})
    yield Case({"segment_ids": ids[:0], **data}, {}, {"lengths": [0] * 5})


def _ranges_cases(rng):
    for dtype in (np.int32, np.int64):
        ids = np.array([0, 0, 2, 2, 2], dtype)
        yield Case({"segment_ids": ids}, {}, {"lengths": [[0, 2], [2, 0], [2, 3]]})
    ids = np.array([1, 1, 2])
    data = {"data (optional)": np.zeros((5, 2))}
    expected = [[0, 0], [0, 2], [2, 1], [0, 0], [0, 0]]
    yield Case({"segment_ids": ids, **data}, {}, {"lengths": expected})
    yield Case({"segment_ids": ids[:0]}, {}, {"lengths": np.zeros((0, 2))})
    yield Case({"segment_ids": ids[:0], **data}, {}, {"lengths": np.zeros((5, 2))})


def _operator(type_, formula, output, kernel, per_segment, cases):
    def infer(segment_ids, data=None):
        return _infer(per_segment, segment_ids, data)

    schema = OpSchema(
        type_,
        doc=f"""{formula}

        There are as many segments as `data` has rows, or without it one more than the last id. The ids must not be
        negative and never fall. Differs from Caffe2: a negative id is always an error.
        """,
        inputs=[
            Tensor("segment_ids", "(K,)", INDEX),
            Tensor("data (optional)", "only its number of rows is read", optional=True),
        ],
        outputs=[Tensor("lengths", output)],
        infer=infer,
        cost=lambda *specs: 0,
        gradient=NoGradient.FORBIDDEN,
    )
    return Operator(schema, kernel, cases=cases)


SEGMENT_IDS_COUNTED = [
    _operator(
        "SegmentIdsToLengths",
        "lengths[n] = how many of segment_ids are n.",
        "int32 (N,)",
        segment_ids_to_lengths, (), _lengths_cases,
    ),
    _operator(
        "SegmentIdsToRanges",
        "lengths[n] = (where n begins in segment_ids, how many there are); (0, 0) behind the last id.",
        "int32 (N, 2)",
        segment_ids_to_ranges, (2,), _ranges_cases,
    ),
]  # fmt: skip
