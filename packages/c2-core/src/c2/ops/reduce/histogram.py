"""Histogram and AccumulateHistogram: how many elements fall between edges."""

from itertools import pairwise

import numpy as np

from c2.ops.results import stored
from c2.ops.rules import same_dtype
from c2.registry import REQUIRED, Arg, Case, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT


def _infer(*inputs, bin_edges):
    same_dtype(**{f"X{k}": spec for k, spec in enumerate(inputs, 1)})
    require(
        len(bin_edges) >= 2, "bin_edges must have two edges or more", "2 or more", len(bin_edges)
    )
    rising = all(a < b for a, b in pairwise(bin_edges))
    require(
        rising, "bin_edges must rise strictly", "each edge above the one before", tuple(bin_edges)
    )
    return TensorSpec((len(bin_edges) - 1,), "int64")


HISTOGRAM = OpSchema(
    "Histogram",
    doc="""histogram[i] = how many elements of all inputs are in [bin_edges[i], bin_edges[i + 1]).

    Elements outside of the edges, and NaN, are not counted. Differs from Caffe2: float16 is taken too.
    """,
    inputs=[Tensor("X", "X1, X2, ...: any shapes, one dtype", FLOAT, variadic=True)],
    outputs=[Tensor("histogram", "int64 (number of bins,)")],
    args=[
        Arg(
            "bin_edges",
            "floats",
            default=REQUIRED,
            doc="edges of the bins, strictly rising, two or more",
        )
    ],
    infer=_infer,
    cost=lambda *inputs, bin_edges: (
        sum(X.size for X in inputs) * max(len(bin_edges).bit_length(), 1)
    ),
    gradient=NoGradient.FORBIDDEN,
)


@kernel(HISTOGRAM)
def histogram(xp, *inputs, bin_edges, out=None):
    total = xp.zeros(len(bin_edges) - 1, "int64")
    for X in inputs:
        flat, edges = X.reshape(-1), xp.asarray(bin_edges, dtype=X.dtype)
        inside = flat[(flat >= edges[0]) & (flat < edges[-1])]
        bins = xp.searchsorted(edges, inside, side="right") - 1
        total += xp.bincount(bins, minlength=len(total))
    return stored(xp, total, out)


@cases(HISTOGRAM)
def histogram_cases(rng):
    edges = [-0.5, 0.0, 0.25, 2.0]
    inputs = [rng.uniform(-1, 3, (4, 5)), rng.uniform(-1, 3, (7,)), np.zeros((0, 2))]
    every = np.concatenate([X.ravel() for X in inputs])
    counts = [sum(a <= x < b for x in every) for a, b in pairwise(edges)]
    yield Case({"X": inputs}, {"bin_edges": edges}, {"histogram": counts})
    special = np.array([0.0, 1.0, 2.0, np.nan, np.inf, -np.inf])
    yield Case({"X": [special]}, {"bin_edges": [0.0, 1.0, 2.0]}, {"histogram": [1, 1]}, id="edges")


def _infer_accumulate(X, *, lower_bound, upper_bound, num_buckets):
    spec = TensorSpec((num_buckets + 2,), "int64")
    return spec, spec


ACCUMULATE_HISTOGRAM = OpSchema(
    "AccumulateHistogram",
    doc="""CurHist counts X in num_buckets equal buckets of [lower_bound, upper_bound); AccHist adds up all runs.

    The first count is of elements below lower_bound, the last of those at or above upper_bound; NaN is not
    counted. Differs from Caffe2: the sum of all runs starts again when the shape of X changes; NaN does not
    write outside of the histogram; float16 and float64 are taken too.
    """,
    inputs=[Tensor("X", "any shape", FLOAT)],
    outputs=[
        Tensor("CurHist", "int64 (num_buckets + 2,): of this run"),
        Tensor("AccHist", "int64 (num_buckets + 2,): of all runs of this operator"),
    ],
    args=[
        Arg("lower_bound", float, default=0.0, doc="where the first bucket begins"),
        Arg("upper_bound", float, default=1.0, doc="where the last bucket ends"),
        Arg("num_buckets", int, default=1, doc="buckets between the bounds", minimum=1),
    ],
    infer=_infer_accumulate,
    cost=lambda X, **args: 3 * X.size,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(ACCUMULATE_HISTOGRAM)
class AccumulateHistogram:
    def __init__(self, xp, X, *, lower_bound, upper_bound, num_buckets):
        self.xp, self.buckets = xp, num_buckets
        number = X.dtype.type
        self.low, self.high = number(lower_bound), number(upper_bound)
        self.width = number((upper_bound - lower_bound) / num_buckets) or number(1)
        self.total = xp.zeros(num_buckets + 2, "int64")

    def __call__(self, X, out=None):
        xp, flat = self.xp, X.reshape(-1)
        between = flat[(flat >= self.low) & (flat < self.high)]
        places = xp.minimum((between - self.low) / self.width, self.buckets - 1).astype("int64")
        current = xp.zeros(self.buckets + 2, "int64")
        current[1:-1] = xp.bincount(places, minlength=self.buckets)
        current[0] = (flat < self.low).sum()
        current[-1] = (flat >= xp.maximum(self.low, self.high)).sum()
        self.total += current
        current_out, total_out = (None, None) if out is None else out
        return stored(xp, current, current_out), stored(xp, self.total, total_out)


@cases(ACCUMULATE_HISTOGRAM)
def accumulate_histogram_cases(rng):
    X = rng.uniform(-2, 12, (5, 4))
    args = {"lower_bound": 0.0, "upper_bound": 10.0, "num_buckets": 4}
    inner = [sum(low <= x < low + 2.5 for x in X.ravel()) for low in (0, 2.5, 5, 7.5)]
    counts = [np.sum(X < 0), *inner, np.sum(X >= 10)]
    yield Case({"X": X}, args, {"CurHist": counts, "AccHist": counts})
    special = np.array([0.0, 5.0, 10.0, np.nan, np.inf, -np.inf])
    yield Case({"X": special}, args, {"CurHist": [1, 1, 0, 1, 0, 2]}, id="edges")
    args = {"lower_bound": 2.0, "upper_bound": 2.0, "num_buckets": 3}
    yield Case({"X": np.array([1.0, 2.0, 3.0])}, args, {"CurHist": [1, 0, 0, 0, 2]}, id="no-width")
