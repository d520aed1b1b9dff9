"""LengthsRangeFill, LengthsToRanges and LengthsToSegmentIds: lengths spelt out."""

import numpy as np

from c2.ops.index.rows import segment_places
from c2.ops.results import stored
from c2.ops.rules import rank
from c2.registry import Case, Operator, OpSchema, Tensor, TensorSpec, require
from c2.registry.schema import NoGradient

LENGTHS = Tensor("lengths", "(N,)", frozenset({"int32"}))


def _infer_elements(lengths):
    rank("lengths", lengths, 1)
    return TensorSpec(None, "int32")


def _infer_ranges(lengths):
    rank("lengths", lengths, 1)
    return TensorSpec((lengths.size, 2), "int32")


def _spelt_out(which, xp, lengths):
    if lengths.size:
        low = int(lengths.min())
        require(low >= 0, "lengths must not be negative", "0 or more", low)
    return segment_places(xp, lengths, int(lengths.sum()))[which].astype("int32")


def lengths_to_segment_ids(xp, lengths):
    return _spelt_out(0, xp, lengths)


def lengths_range_fill(xp, lengths):
    return _spelt_out(1, xp, lengths)


def lengths_to_ranges(xp, lengths, *, out=None):
    starts = xp.cumsum(lengths) - lengths
    return stored(xp, xp.stack([starts, lengths], axis=1), out, dtype="int32")


_SAMPLES = ([2, 0, 3], [1], [0, 0], [])


def _range_cases(rng):
    for lengths in _SAMPLES:
        expected = np.array([k for length in lengths for k in range(length)], np.int32)
        yield Case({"lengths": np.array(lengths, np.int32)}, {}, {"range_sequence": expected})


def _ranges_cases(rng):
    for lengths in _SAMPLES:
        expected = [[sum(lengths[:n]), length] for n, length in enumerate(lengths)]
        yield Case(
            {"lengths": np.array(lengths, np.int32)},
            {},
            {"ranges": np.reshape(expected, (len(lengths), 2))},
        )


def _ids_cases(rng):
    for lengths in _SAMPLES:
        expected = np.array(
            [n for n, length in enumerate(lengths) for _ in range(length)], np.int32
        )
        yield Case({"lengths": np.array(lengths, np.int32)}, {}, {"segment_ids": expected})


def _operator(type_, doc, output, kernel, cases, infer, answer):
    schema = OpSchema(
        type_,
        doc=doc,
        inputs=[LENGTHS],
        outputs=[output],
        infer=infer,
        gradient=answer,
        cost=lambda lengths: 0,
    )
    return Operator(schema, kernel, cases=cases)


LENGTHS_SPELT_OUT = [
    _operator(
        "LengthsRangeFill",
        "range_sequence = 0, 1, ..., lengths[n] - 1 for each n, one after the other.",
        Tensor("range_sequence", "int32 (sum of lengths,)"),
        lengths_range_fill, _range_cases, _infer_elements, NoGradient.STOPS,
    ),
    _operator(
        "LengthsToRanges",
        "ranges[n] = (lengths[0] + ... + lengths[n - 1], lengths[n]): where each segment begins and how long it is.",
        Tensor("ranges", "int32 (N, 2)"),
        lengths_to_ranges, _ranges_cases, _infer_ranges, NoGradient.FORBIDDEN,
    ),
    _operator(
        "LengthsToSegmentIds",
        "segment_ids = each n, lengths[n] times.",
        Tensor("segment_ids", "int32 (sum of lengths,)"),
        lengths_to_segment_ids, _ids_cases, _infer_elements, NoGradient.FORBIDDEN,
    ),
]  # fmt: skip
