"""LengthsTopK: the largest elements of each segment."""

import numpy as np

from c2.ops.index.rows import empty_rows, segment_places
from c2.ops.rules import equal, rank
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

K = Arg("k", int, default=-1, doc="how many of each segment, 1 or more")
LENGTHS = Tensor("LENGTHS", "(N,): sizes of the segments", frozenset({"int32"}))


def _infer(DATA, LENGTHS, *, k):
    require(k >= 1, "k must be given and be 1 or more", "1 or more", k)
    rank("DATA", DATA, 1)
    rank("LENGTHS", LENGTHS, 1)
    values = TensorSpec((LENGTHS.size, k), DATA.dtype)
    return values, values.with_dtype("int32")


LENGTHS_TOP_K = OpSchema(
    "LengthsTopK",
    doc="""TopKValue[n] = the k largest elements of segment n in falling order; TopKIndices = their places in it.

    Of equal elements the earlier one comes first; NaN counts as -infinity. A segment shorter than k is filled up
    with 0 and index -1. Differs from Caffe2: LENGTHS must add up to the size of DATA (there it reads beyond), and
    float16 and float64 are taken too.
    """,
    inputs=[Tensor("DATA", "(K,): the segments one after the other", FLOAT), LENGTHS],
    outputs=[Tensor("TopKValue", "(N, k), dtype of DATA"), Tensor("TopKIndices", "int32 (N, k)")],
    args=[K],
    infer=_infer,
    cost=lambda DATA, LENGTHS, **args: DATA.size * max(DATA.size.bit_length(), 1),
)


def _infer_gradient(LENGTHS, TopKIndices, dTopKValue, *, k):
    rank("LENGTHS", LENGTHS, 1)
    rank("TopKIndices", TopKIndices, 2)
    equal("dTopKValue must have the shape of TopKIndices", TopKIndices.shape, dTopKValue.shape)
    equal("TopKIndices must have one row per segment", LENGTHS.size, TopKIndices.shape[0])
    return TensorSpec(None, dTopKValue.dtype)


LENGTHS_TOP_K_GRADIENT = OpSchema(
    "LengthsTopKGradient",
    doc="dDATA = dTopKValue at the places of the segments that were taken, 0 elsewhere.",
    inputs=[
        LENGTHS,
        Tensor("TopKIndices", "output of LengthsTopK", frozenset({"int32"})),
        Tensor("dTopKValue", "(N, k)", FLOAT),
    ],
    outputs=[Tensor("dDATA", "(sum of LENGTHS,), dtype of dTopKValue")],
    args=[K],
    infer=_infer_gradient,
    cost=lambda *specs, **args: specs[2].size,
    gradient=NoGradient.NOT_IMPLEMENTED,
)


@kernel(LENGTHS_TOP_K)
def lengths_top_k(xp, DATA, LENGTHS, *, k, out=None):
    equal("LENGTHS must add up to the size of DATA", DATA.size, int(LENGTHS.sum()))
    values, indices = out or (
        xp.empty((LENGTHS.size, k), DATA.dtype),
        xp.empty((LENGTHS.size, k), "int32"),
    )
    values[...], indices[...] = DATA.dtype.type(0), -1
    segment, place = segment_places(xp, LENGTHS, DATA.size)
    falling = xp.where(DATA == DATA, -DATA, DATA.dtype.type(np.inf))
    order = xp.lexsort(xp.stack([a.astype("float64") for a in (place, falling, segment)]))
    taken = place < k  # sorting stays inside of segments, so places are ranks too
    values[segment[taken], place[taken]] = DATA[order[taken]]
    indices[segment[taken], place[taken]] = place[order[taken]]
    return values, indices


@kernel(LENGTHS_TOP_K_GRADIENT)
def lengths_top_k_gradient(xp, LENGTHS, TopKIndices, dTopKValue, *, k):
    inside = bool((TopKIndices < xp.maximum(LENGTHS, 0)[:, None]).all() and (LENGTHS >= 0).all())
    require(
        inside,
        "TopKIndices must be places in their segments, of 0 elements or more",
        "LENGTHS",
        "others",
    )
    dDATA = empty_rows(xp, int(LENGTHS.sum()), dTopKValue.reshape(-1))
    dDATA[...] = dDATA.dtype.type(0)
    places = (xp.cumsum(LENGTHS) - LENGTHS)[:, None] + TopKIndices
    taken = TopKIndices >= 0
    dDATA[places[taken]] = dTopKValue[taken]
    return dDATA


@gradient(LENGTHS_TOP_K)
def lengths_top_k_gradient_maker(g):
    inputs = [g.I("LENGTHS"), g.O("TopKIndices"), g.GO("TopKValue")]
    return [g.op("LengthsTopKGradient", inputs, [g.GI("DATA")])]


def _by_sorting(X, lengths, k):
    values, indices = np.zeros((len(lengths), k)), np.full((len(lengths), k), -1)
    begin = 0
    for n, length in enumerate(lengths):
        part = X[begin : begin + length]
        order = sorted(range(length), key=lambda i: -part[i] if part[i] == part[i] else np.inf)[:k]
        values[n, : len(order)], indices[n, : len(order)] = part[order], order
        begin += length
    return {"TopKValue": values, "TopKIndices": indices}


@cases(LENGTHS_TOP_K)
def lengths_top_k_cases(rng):
    for lengths in ([3, 0, 4], [7], [0], []):
        X = rng.permutation(sum(lengths)) - 3.0
        for k in (1, 2, 5):
            inputs = {"DATA": X, "LENGTHS": np.array(lengths, np.int32)}
            yield Case(inputs, {"k": k}, _by_sorting(X, lengths, k))
    for X in (rng.integers(0, 2, 9) * 1.0, np.array([1, np.nan, -np.inf, 2, np.nan, 0, 0, 5, 5])):
        inputs = {"DATA": X, "LENGTHS": np.array([5, 4], np.int32)}
        yield Case(inputs, {"k": 4}, _by_sorting(X, [5, 4], 4), grad=())


@cases(LENGTHS_TOP_K_GRADIENT)
def lengths_top_k_gradient_cases(rng):
    dY = rng.uniform(1, 2, (3, 2))
    inputs = {
        "LENGTHS": np.array([3, 0, 3], np.int32),
        "TopKIndices": np.array([[1, 2], [-1, -1], [0, -1]], np.int32),
        "dTopKValue": dY,
    }
    yield Case(inputs, {"k": 2}, {"dDATA": [0, dY[0, 0], dY[0, 1], dY[2, 0], 0, 0]})
