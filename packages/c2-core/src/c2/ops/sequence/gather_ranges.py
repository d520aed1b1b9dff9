"""GatherRanges and GatherRangesToDense: stretches of a vector picked by start and length."""

import numpy as np

from c2.ops.index.rows import segment_places
from c2.ops.results import stored
from c2.ops.rules import equal, rank
from c2.registry import (
    INDEX,
    REQUIRED,
    Arg,
    Case,
    OpSchema,
    Tensor,
    TensorSpec,
    cases,
    kernel,
    require,
)
from c2.registry.schema import NoGradient
from c2.registry.spec import PLAIN

RANGES = Tensor(
    "RANGES", "(N, M, 2): start and length of M stretches for each of N examples", INDEX
)


def _infer_ranges(DATA, RANGES):
    rank("DATA", DATA, 1)
    rank("RANGES", RANGES, 3)
    equal("RANGES must hold a start and a length", 2, RANGES.shape[2])


def _infer(DATA, RANGES):
    _infer_ranges(DATA, RANGES)
    return TensorSpec(None, DATA.dtype), TensorSpec((RANGES.shape[0],), "int32")


GATHER_RANGES = OpSchema(
    "GatherRanges",
    doc="""OUTPUT = DATA[start : start + length] for each of RANGES, one after the other.

    LENGTHS[n] = how many elements example n gave. A range outside of DATA is an error, unless it is empty. Differs from
    Caffe2: a negative start is an error, and examples without ranges are taken.
    """,
    inputs=[Tensor("DATA", "a vector, any dtype"), RANGES],
    outputs=[Tensor("OUTPUT", "(sum of lengths,)"), Tensor("LENGTHS", "int32 (N,)")],
    infer=_infer,
    cost=lambda *specs: 0,
    gradient=NoGradient.FORBIDDEN,
)


def _require_inside(starts, lengths, size):
    if lengths.size:
        low = int(lengths.min())
        require(low >= 0, "lengths of RANGES must not be negative", "0 or more", low)
    taken = lengths > 0
    if taken.any():
        low, high = int(starts[taken].min()), int((starts + lengths)[taken].max())
        require(
            low >= 0 and high <= size, "RANGES must be inside of DATA", f"0 to {size}", f"{low} to {high}"
        )  # fmt: skip


@kernel(GATHER_RANGES)
def gather_ranges(xp, DATA, RANGES):
    starts, lengths = RANGES[..., 0], RANGES[..., 1]
    _require_inside(starts, lengths, DATA.size)
    flat = lengths.reshape(-1)
    segment, place = segment_places(xp, flat, int(flat.sum()))
    return DATA[starts.reshape(-1)[segment] + place], lengths.sum(axis=1).astype("int32")


@cases(GATHER_RANGES)
def gather_ranges_cases(rng):
    R = np.array([[[0, 1], [2, 2]], [[4, 1], [9, 0]], [[1, 3], [1, 3]]])
    for X in (
        rng.uniform(-1, 1, 6),
        np.arange(6),
        np.array([b"a", b"b", b"", b"d", b"e", b"f"], object),
    ):
        for dtype in (np.int32, np.int64):
            expected = X[[0, 2, 3, 4, 1, 2, 3, 1, 2, 3]]
            expect = {"OUTPUT": expected, "LENGTHS": [3, 1, 6]}
            yield Case({"DATA": X, "RANGES": R.astype(dtype)}, {}, expect)
    yield Case({"DATA": X, "RANGES": R[:0]}, {}, {"OUTPUT": X[:0], "LENGTHS": []})


def _infer_dense(DATA, RANGES, KEY=None, *, lengths, n_outputs, **limits):
    _infer_ranges(DATA, RANGES)
    if KEY is not None:
        equal("KEY must have one element per element of DATA", DATA.shape, KEY.shape)
    require(all(n > 0 for n in lengths), "lengths must be above 0", "1 or more", lengths)
    equal("lengths must have one element per range of an example", RANGES.shape[1], len(lengths))
    equal("there must be one output per range of an example", RANGES.shape[1], n_outputs)
    return tuple(TensorSpec((RANGES.shape[0], n), DATA.dtype) for n in lengths)


GATHER_RANGES_TO_DENSE = OpSchema(
    "GatherRangesToDense",
    doc="""OUTPUT_m[n] = DATA[start : start + length] for range m of example n, sorted by KEY where it is given.

    A range that is empty or not of length lengths[m] gives 0. It is an error where more ranges than a share of
    max(min_observation, examples so far) do so. Differs from Caffe2: a range outside of DATA is an error.
    """,
    inputs=[
        Tensor("DATA", "a vector", PLAIN),
        RANGES,
        Tensor("KEY", "shape of DATA: smaller ones come first", frozenset({"int64"}), optional=True),
    ],
    outputs=[Tensor("OUTPUT", "(N, lengths[m]) for each m", variadic=True)],
    args=[
        Arg("lengths", "ints", default=REQUIRED, doc="(M,): the length that range m must have"),
        Arg("min_observation", int, default=10000, doc="examples before a share counts", minimum=1),
        Arg("max_mismatched_ratio", float, default=0.01, doc="of ranges of another length"),
        Arg("max_empty_ratio", float, default=1.0, doc="of empty ranges"),
    ],
    infer=_infer_dense,
    cost=lambda *specs, **args: 0,
    gradient=NoGradient.STOPS,
)  # fmt: skip


@kernel(GATHER_RANGES_TO_DENSE)
class GatherRangesToDense:
    """Counts over all runs how many ranges were empty or of another length."""

    def __init__(
        self, xp, DATA, RANGES, KEY=None, *,
        lengths, min_observation, max_mismatched_ratio, max_empty_ratio,
    ):  # fmt: skip
        self.xp, self.lengths, self.least = xp, lengths, min_observation
        self.shares = {"empty": max_empty_ratio, "mismatched": max_mismatched_ratio}
        self.counts = {what: [0] * len(lengths) for what in self.shares}
        self.examples = 0

    def __call__(self, DATA, RANGES, KEY=None, *, out=None):
        outs = out if isinstance(out, tuple) else (out,) * len(self.lengths)
        results = tuple(self._dense(m, DATA, RANGES[:, m], KEY, outs[m]) for m in range(len(outs)))
        self.examples += RANGES.shape[0]
        for what, share in self.shares.items():
            for m, count in enumerate(self.counts[what]):
                limit = max(self.examples, self.least) * share
                require(count <= limit, f"too many {what} ranges {m}", f"at most {limit:g}", count)
        return results

    def _dense(self, m, DATA, ranges, KEY, out):
        xp, length = self.xp, self.lengths[m]
        fits = ranges[:, 1] == length
        empty = int((ranges[:, 1] == 0).sum())
        self.counts["empty"][m] += empty
        self.counts["mismatched"][m] += fits.size - empty - int(fits.sum())
        _require_inside(ranges[fits, 0], ranges[fits, 1], DATA.size)
        places = ranges[fits, 0][:, None] + xp.arange(length)
        if KEY is not None:
            order = xp.argsort(KEY[places], axis=1, kind="stable")
            places = xp.take_along_axis(places, order, axis=1)
        out = stored(xp, DATA.dtype.type(0), out, (fits.size, length), DATA.dtype)
        out[fits] = DATA[places]
        return out


@cases(GATHER_RANGES_TO_DENSE)
def gather_ranges_to_dense_cases(rng):
    X, key = rng.uniform(-1, 1, 8), np.array([0, 1, 3, 2, 1, 0, 1, 0])
    R = np.array([[[2, 4], [0, 2]], [[0, 0], [6, 2]], [[1, 3], [4, 2]]])
    zero = np.zeros(4)
    args = {"lengths": [4, 2]}
    dense = [np.array([X[2:6], zero, zero]), np.array([X[0:2], X[6:8], X[4:6]])]
    yield Case({"DATA": X, "RANGES": R}, args, {"OUTPUT": dense})
    by_key = [np.array([X[[5, 4, 3, 2]], zero, zero]), np.array([X[0:2], X[[7, 6]], X[[5, 4]]])]
    inputs = {"DATA": X, "RANGES": R.astype(np.int32), "KEY": key}
    limits = {"min_observation": 1, "max_mismatched_ratio": 0.4, "max_empty_ratio": 0.4}
    yield Case(inputs, {**args, **limits}, {"OUTPUT": by_key})
    one = [np.array([[1, 2], [7, 8], [5, 6]])]
    yield Case({"DATA": np.arange(1, 9), "RANGES": R[:, 1:]}, {"lengths": [2]}, {"OUTPUT": one})
    none = [np.zeros((0, 4)), np.zeros((0, 2))]
    yield Case({"DATA": X, "RANGES": R[:0]}, args, {"OUTPUT": none})
