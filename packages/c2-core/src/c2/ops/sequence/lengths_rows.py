"""LengthsGather, LengthsPad and LengthsTile: segments picked, padded to one length, and rows repeated."""

import numpy as np

from c2.ops.index.rows import require_inside, segment_ids, segment_places
from c2.ops.rules import equal, rank
from c2.ops.sequence.lengths_tables import INT32, require_lengths
from c2.registry import (
    INDEX,
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
from c2.registry.schema import NoGradient
from c2.registry.spec import PLAIN

LENGTHS = Tensor("LENGTHS", "(N,): rows of each segment, one after the other", INT32)


def _infer_rows(name, rows, LENGTHS):
    require(rows.ndim >= 1, f"{name} must have one axis or more", "(K, ...)", rows.shape)
    rank("LENGTHS", LENGTHS, 1)


def _require_rows(LENGTHS, rows):
    require_lengths(LENGTHS)
    equal("LENGTHS must add up to the number of rows", rows, int(LENGTHS.sum()))


def _infer_gather(ITEMS, LENGTHS, INDICES):
    _infer_rows("ITEMS", ITEMS, LENGTHS)
    rank("INDICES", INDICES, 1)
    return TensorSpec(None, ITEMS.dtype)


LENGTHS_GATHER = OpSchema(
    "LengthsGather",
    doc="""OUTPUT = the rows of segment INDICES[0], then those of INDICES[1], and so on.

    LENGTHS must add up to K. Differs from Caffe2: a negative index is an error.
    """,
    inputs=[
        Tensor("ITEMS", "(K, ...), any dtype"),
        LENGTHS,
        Tensor("INDICES", "a vector: which segments", INDEX),
    ],
    outputs=[Tensor("OUTPUT", "(rows of the segments, ...)")],
    infer=_infer_gather,
    cost=lambda *specs: 0,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(LENGTHS_GATHER)
def lengths_gather(xp, ITEMS, LENGTHS, INDICES):
    _require_rows(LENGTHS, ITEMS.shape[0])
    require_inside(INDICES, LENGTHS.size, "INDICES")
    starts, lengths = (xp.cumsum(LENGTHS) - LENGTHS)[INDICES], LENGTHS[INDICES]
    segment, place = segment_places(xp, lengths, int(lengths.sum()))
    return ITEMS[starts[segment] + place]


@cases(LENGTHS_GATHER)
def lengths_gather_cases(rng):
    lengths = np.array([0, 2, 3, 1], np.int32)
    words = np.array([b"a", b"b", b"c", b"", b"e", b"f"], object)
    for X in (np.arange(6), rng.uniform(-1, 1, (6, 2)), words):
        inputs = {"ITEMS": X, "LENGTHS": lengths}
        expected = X[[5, 2, 3, 4, 5]]
        yield Case({**inputs, "INDICES": np.array([3, 0, 2, 3])}, {}, {"OUTPUT": expected})
        yield Case({**inputs, "INDICES": np.zeros(0, np.int32)}, {}, {"OUTPUT": X[:0]})


def _infer_pad(DATA, LENGTHS, *, padding_value, target_length):
    _infer_rows("DATA", DATA, LENGTHS)
    return TensorSpec((LENGTHS.size * target_length, *DATA.shape[1:]), DATA.dtype)


LENGTHS_PAD = OpSchema(
    "LengthsPad",
    doc="""OUTPUT = each segment followed by rows of padding_value, target_length rows for each.

    LENGTHS must add up to K and may not be above target_length. Integers get the whole part of padding_value. Differs
    from Caffe2: every number is taken.
    """,
    inputs=[Tensor("DATA", "(K, ...)", PLAIN), LENGTHS],
    outputs=[Tensor("OUTPUT", "(N * target_length, ...)")],
    args=[
        Arg("padding_value", float, default=-1.0, doc="what the rows behind are filled with"),
        Arg("target_length", int, default=REQUIRED, doc="rows per segment", minimum=1),
    ],
    infer=_infer_pad,
    cost=lambda *specs, **args: 0,
    gradient=NoGradient.STOPS,
)


@kernel(LENGTHS_PAD)
def lengths_pad(xp, DATA, LENGTHS, *, padding_value, target_length, out=None):
    _require_rows(LENGTHS, DATA.shape[0])
    longest = int(LENGTHS.max()) if LENGTHS.size else 0
    require(
        longest <= target_length, "a segment is longer than target_length", target_length, longest
    )
    if out is None:
        out = xp.empty((LENGTHS.size * target_length, *DATA.shape[1:]), DATA.dtype)
    out[...] = np.asarray(padding_value).astype(DATA.dtype)[()]
    segment, place = segment_places(xp, LENGTHS, DATA.shape[0])
    out[segment * target_length + place] = DATA
    return out


@cases(LENGTHS_PAD)
def lengths_pad_cases(rng):
    lengths = np.array([2, 0, 1], np.int32)
    for shape in ((3, 2), (3,)):
        X = rng.uniform(-1, 1, shape)
        for value in (-1.0, 2.5):
            pad = np.full(shape[1:], value)
            expected = np.array([X[0], X[1], pad, pad, X[2], pad])
            args = (
                {"target_length": 2}
                if value == -1
                else {"target_length": 2, "padding_value": value}
            )
            yield Case({"DATA": X, "LENGTHS": lengths}, args, {"OUTPUT": expected})
    ints = {"DATA": np.array([4, 5, 6]), "LENGTHS": lengths}
    args = {"target_length": 2, "padding_value": -1.5}
    yield Case(ints, args, {"OUTPUT": np.array([4, 5, -1, -1, 6, -1])})


def _infer_tile(DATA, LENGTHS):
    _infer_rows("DATA", DATA, LENGTHS)
    equal("LENGTHS must have one element per row of DATA", DATA.shape[0], LENGTHS.size)
    return TensorSpec(None, DATA.dtype)


LENGTHS_TILE = OpSchema(
    "LengthsTile",
    doc="OUTPUT = each row n of DATA, LENGTHS[n] times.",
    inputs=[
        Tensor("DATA", "(N, ...), any dtype"),
        Tensor("LENGTHS", "(N,): how often each row is taken", INT32),
    ],
    outputs=[Tensor("OUTPUT", "(sum of LENGTHS, ...)")],
    infer=_infer_tile,
    cost=lambda *specs: 0,
)


@kernel(LENGTHS_TILE)
def lengths_tile(xp, DATA, LENGTHS):
    require_lengths(LENGTHS)
    return DATA[segment_ids(xp, LENGTHS, int(LENGTHS.sum()))]


@gradient(LENGTHS_TILE)
def lengths_tile_gradient_maker(g):
    return [g.op("LengthsSum", [g.GO("OUTPUT"), g.I("LENGTHS")], [g.GI("DATA")])]


@cases(LENGTHS_TILE)
def lengths_tile_cases(rng):
    for shape, lengths in [((4, 2), [0, 1, 3, 2]), ((2,), [0, 0]), ((3, 1, 2), [1, 1, 1])]:
        X = rng.uniform(-1, 1, shape)
        rows = [X[n] for n, length in enumerate(lengths) for _ in range(length)]
        expected = np.array(rows).reshape(len(rows), *shape[1:])
        inputs = {"DATA": X, "LENGTHS": np.array(lengths, np.int32)}
        yield Case(inputs, {}, {"OUTPUT": expected})
    words = {"DATA": np.array([b"a", b"b"], object), "LENGTHS": np.array([2, 1], np.int32)}
    yield Case(words, {}, {"OUTPUT": np.array([b"a", b"a", b"b"], object)})
