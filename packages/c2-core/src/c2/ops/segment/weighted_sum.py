"""LengthsWeightedSum, SortedSegmentWeightedSum and UnsortedSegmentWeightedSum, and their gradients."""

from functools import partial

import numpy as np

from c2.errors import GradientError
from c2.ops.index.rows import empty_rows, require_inside
from c2.ops.rules import equal, rank, same_dtype
from c2.ops.segment.add_up import add_up, add_up_at, as_columns
from c2.ops.segment.reduction import (
    DATA,
    LENGTHS,
    SEGMENT_IDS,
    segments_of_lengths,
)
from c2.ops.segment.segment_reduce import NUM_SEGMENTS, largest, require_sorted
from c2.registry import Arg, Case, Operator, OpSchema, Tensor, TensorSpec, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

SCALARS = Tensor("SCALARS", "(K,): the weight of each row", FLOAT)
GRAD_ON_WEIGHTS = Arg(
    "grad_on_weights", bool, default=False, doc="give SCALARS a gradient too; for lengths only"
)


def require_weights(DATA, SCALARS):
    require(DATA.ndim >= 1, "DATA must have one axis or more", "1 or more axes", DATA.shape)
    same_dtype(DATA=DATA, SCALARS=SCALARS)
    rank("SCALARS", SCALARS, 1)
    equal("SCALARS must have one element per row of DATA", DATA.shape[0], SCALARS.size)


def _infer_lengths(DATA, SCALARS, LENGTHS, *, grad_on_weights):
    require_weights(DATA, SCALARS)
    rank("LENGTHS", LENGTHS, 1)
    return TensorSpec((LENGTHS.size, *DATA.shape[1:]), DATA.dtype)


def _infer_ids(DATA, SCALARS, SEGMENT_IDS, *, grad_on_weights, num_segments=-1):
    require_weights(DATA, SCALARS)
    rank("SEGMENT_IDS", SEGMENT_IDS, 1)
    equal("SEGMENT_IDS must have one element per row of DATA", DATA.shape[0], SEGMENT_IDS.size)
    return TensorSpec(None if num_segments < 0 else (num_segments, *DATA.shape[1:]), DATA.dtype)


def lengths_weighted_sum(xp, DATA, SCALARS, LENGTHS, *, grad_on_weights, out=None):
    segments_of_lengths(xp, LENGTHS, DATA.shape[0])
    if out is None:
        out = xp.empty((LENGTHS.size, *DATA.shape[1:]), DATA.dtype)
    weights = as_columns(SCALARS, DATA)
    return add_up(xp, LENGTHS, lambda places, within: DATA[places] * weights[places], out)


def sorted_weighted_sum(xp, DATA, SCALARS, SEGMENT_IDS, *, grad_on_weights, out=None):
    require_sorted(SEGMENT_IDS)
    return _at(xp, DATA, SCALARS, SEGMENT_IDS, largest(SEGMENT_IDS), out)


def unsorted_weighted_sum(
    xp, DATA, SCALARS, SEGMENT_IDS, *, num_segments, grad_on_weights, out=None
):
    n = largest(SEGMENT_IDS) if num_segments < 0 else num_segments
    require_inside(SEGMENT_IDS, n, "SEGMENT_IDS")
    return _at(xp, DATA, SCALARS, SEGMENT_IDS, n, out)


def _at(xp, DATA, SCALARS, ids, n, out):
    if out is None:
        out = empty_rows(xp, n, DATA)
    weights = as_columns(SCALARS, DATA)
    return add_up_at(xp, ids, n, lambda places: DATA[places] * weights[places], out)


def _lengths_maker(g):
    inputs = [g.I("SCALARS"), g.GO("OUTPUT"), g.I("LENGTHS")]
    if not g.args["grad_on_weights"]:
        return [g.op("LengthsWeightedSumGradient", inputs, [g.GI("DATA")])]
    outputs = [g.GI("DATA"), g.GI("SCALARS")]
    return [g.op("LengthsWeightedSumWithMainInputGradient", [*inputs, g.I("DATA")], outputs)]


def require_no_gradient_of_weights(g):
    if g.args["grad_on_weights"]:
        raise GradientError(
            f"{g.op_def.type} {g.op_def.name!r}: grad_on_weights is there for segments of lengths alone. "
            "Use LengthsWeightedSum"
        )


def _ids_maker(g):
    require_no_gradient_of_weights(g)
    inputs = [g.I("SCALARS"), g.GO("OUTPUT"), g.I("SEGMENT_IDS")]
    return [g.op(f"{g.op_def.type}Gradient", inputs, [g.GI("DATA")])]


def weighted_sums(X, W, ids, n):
    """By a matrix: row s holds the weights of the rows in segment s."""
    belongs = np.array([[w * (i == s) for w, i in zip(W, ids)] for s in range(n)])
    return np.tensordot(belongs.reshape(n, len(W)), X, (1, 0))


def _lengths_cases(rng):
    for shape, lengths in [
        ((5, 2), [2, 0, 3]),
        ((4,), [1, 3]),
        ((0, 2), [0, 0]),
        ((40,), [4] * 10),
    ]:
        X, W = rng.uniform(-1, 1, shape), rng.uniform(-1, 1, shape[0])
        ids = [n for n, length in enumerate(lengths) for _ in range(length)]
        inputs = {"DATA": X, "SCALARS": W, "LENGTHS": np.array(lengths, np.int32)}
        expected = weighted_sums(X, W, ids, len(lengths))
        for both in (False, True):
            yield Case(inputs, {"grad_on_weights": both}, {"OUTPUT": expected})


def _ids_cases(in_order, rng):
    ids = [0, 0, 1, 2] if in_order else [3, 0, 3, 1]
    for shape in ((4, 2), (4,)):
        X, W = rng.uniform(-1, 1, shape), rng.uniform(-1, 1, 4)
        inputs = {"DATA": X, "SCALARS": W, "SEGMENT_IDS": np.array(ids, np.int32)}
        yield Case(inputs, {}, {"OUTPUT": weighted_sums(X, W, ids, max(ids) + 1)})
        if not in_order:
            yield Case(inputs, {"num_segments": 6}, {"OUTPUT": weighted_sums(X, W, ids, 6)})


_DOC = "OUTPUT[n] = the sum of SCALARS[k] * DATA[k] over the rows k of segment n"
_SEGMENTS = {"inputs": [DATA, SCALARS, SEGMENT_IDS], "outputs": [Tensor("OUTPUT", "(N, ...)")]}

WEIGHTED_SUMS = [
    Operator(
        OpSchema(
            "LengthsWeightedSum",
            doc=_DOC + ".\n\nA segment without rows gives 0. LENGTHS must add up to K.",
            inputs=[DATA, SCALARS, LENGTHS],
            outputs=[Tensor("OUTPUT", "(N, ...)")],
            args=[GRAD_ON_WEIGHTS],
            infer=_infer_lengths,
            cost=lambda DATA, *specs, **args: 2 * DATA.size,
        ),
        lengths_weighted_sum, _lengths_maker, _lengths_cases,
    ),
    Operator(
        OpSchema(
            "SortedSegmentWeightedSum",
            doc=_DOC + " = SEGMENT_IDS[k].\n\nSEGMENT_IDS begin at 0 and rise by 0 or 1.",
            args=[GRAD_ON_WEIGHTS],
            infer=_infer_ids,
            cost=lambda DATA, *specs, **args: 2 * DATA.size,
            **_SEGMENTS,
        ),
        sorted_weighted_sum, _ids_maker, partial(_ids_cases, True),
    ),
    Operator(
        OpSchema(
            "UnsortedSegmentWeightedSum",
            doc=_DOC + " = SEGMENT_IDS[k].\n\nSEGMENT_IDS come in any order; a segment without rows gives 0.",
            args=[NUM_SEGMENTS, GRAD_ON_WEIGHTS],
            infer=_infer_ids,
            cost=lambda DATA, *specs, **args: 2 * DATA.size,
            **_SEGMENTS,
        ),
        unsorted_weighted_sum, _ids_maker, partial(_ids_cases, False),
    ),
]  # fmt: skip


# -- gradients


def infer_rows(SCALARS, dOUTPUT):
    same_dtype(SCALARS=SCALARS, dOUTPUT=dOUTPUT)
    rank("SCALARS", SCALARS, 1)
    require(dOUTPUT.ndim >= 1, "dOUTPUT must have one axis or more", "(N, ...)", dOUTPUT.shape)
    return TensorSpec((SCALARS.size, *dOUTPUT.shape[1:]), dOUTPUT.dtype)


def infer_lengths_gradient(SCALARS, dOUTPUT, LENGTHS, *further, **args):
    rank("LENGTHS", LENGTHS, 1)
    found = infer_rows(SCALARS, dOUTPUT)
    equal("dOUTPUT must have one row per segment", LENGTHS.size, dOUTPUT.shape[0])
    return found


def _infer_both(SCALARS, dOUTPUT, LENGTHS, DATA, *, grad_on_weights):
    found = infer_lengths_gradient(SCALARS, dOUTPUT, LENGTHS)
    equal("DATA must have the shape of its gradient", found.shape, DATA.shape)
    return found, SCALARS.with_shape(SCALARS.shape)


def _infer_ids_gradient(SCALARS, dOUTPUT, SEGMENT_IDS, **args):
    rank("SEGMENT_IDS", SEGMENT_IDS, 1)
    equal("SEGMENT_IDS must have one element per weight", SCALARS.size, SEGMENT_IDS.size)
    return infer_rows(SCALARS, dOUTPUT)


def weighted_rows(xp, SCALARS, dOUTPUT, ids, out):
    """SCALARS[k] * dOUTPUT[ids[k]]."""
    return xp.multiply(dOUTPUT[ids], as_columns(SCALARS, dOUTPUT), out=out)


def lengths_weighted_gradient(xp, SCALARS, dOUTPUT, LENGTHS, *further, grad_on_weights, out=None):
    ids = segments_of_lengths(xp, LENGTHS, SCALARS.size)
    return weighted_rows(xp, SCALARS, dOUTPUT, ids, out)


def lengths_weighted_gradients(xp, SCALARS, dOUTPUT, LENGTHS, DATA, *, grad_on_weights, out=None):
    outs = (None, None) if out is None else out
    ids = segments_of_lengths(xp, LENGTHS, SCALARS.size)
    rows = weighted_rows(xp, SCALARS, dOUTPUT, ids, outs[0])
    return rows, gradient_of_weights(xp, dOUTPUT[ids], DATA, outs[1])


def gradient_of_weights(xp, dROWS, DATA, out):
    """(K,): the products of each row with the gradient that it gets."""
    K = DATA.shape[0]
    width = 1
    for size in DATA.shape[1:]:
        width *= size
    products = dROWS.reshape(K, width) * DATA.reshape(K, width)
    return products.sum(axis=1, out=out, dtype=dROWS.dtype)


def _ids_gradient(in_order, xp, SCALARS, dOUTPUT, SEGMENT_IDS, *, grad_on_weights, out=None):
    require_inside(SEGMENT_IDS, dOUTPUT.shape[0], "SEGMENT_IDS")
    if in_order:
        require_sorted(SEGMENT_IDS)
        equal("dOUTPUT must have one row per segment", largest(SEGMENT_IDS), dOUTPUT.shape[0])
    return weighted_rows(xp, SCALARS, dOUTPUT, SEGMENT_IDS, out)


def gradient_inputs(rng):
    """Weights, the gradient of three segments, the segment of each of five rows."""
    return rng.uniform(-1, 1, 5), rng.uniform(-1, 1, (3, 2)), np.array([0, 0, 2, 2, 2])


def _lengths_gradient_cases(rng):
    W, dY, ids = gradient_inputs(rng)
    inputs = {"SCALARS": W, "dOUTPUT": dY, "LENGTHS": np.array([2, 0, 3], np.int32)}
    yield Case(inputs, {}, {"dDATA": np.array([w * dY[n] for w, n in zip(W, ids)])})


def _both_cases(rng):
    W, dY, ids = gradient_inputs(rng)
    X = rng.uniform(-1, 1, (5, 2))
    inputs = {"SCALARS": W, "dOUTPUT": dY, "LENGTHS": np.array([2, 0, 3], np.int32), "DATA": X}
    dX = np.array([w * dY[n] for w, n in zip(W, ids)])
    dW = np.array([x @ dY[n] for x, n in zip(X, ids)])
    yield Case(inputs, {"grad_on_weights": True}, {"dDATA": dX, "dSCALARS": dW})


def _ids_gradient_cases(in_order, rng):
    W, dY, _ = gradient_inputs(rng)
    ids = [0, 1, 1, 1, 2] if in_order else [2, 0, 2, 1, 0]
    inputs = {"SCALARS": W, "dOUTPUT": dY, "SEGMENT_IDS": np.array(ids, np.int32)}
    yield Case(inputs, {}, {"dDATA": np.array([w * dY[n] for w, n in zip(W, ids)])})


_GRADIENT_DOC = "dDATA[k] = SCALARS[k] * dOUTPUT[n] for each row k of segment n."
dOUTPUT = Tensor("dOUTPUT", "(N, ...)", FLOAT)
dDATA = Tensor("dDATA", "(K, ...)")

WEIGHTED_SUM_GRADIENTS = [
    Operator(
        OpSchema(
            "LengthsWeightedSumGradient",
            doc=_GRADIENT_DOC,
            inputs=[SCALARS, dOUTPUT, LENGTHS],
            outputs=[dDATA],
            args=[GRAD_ON_WEIGHTS],
            infer=infer_lengths_gradient,
            gradient=NoGradient.FORBIDDEN,
        ),
        lengths_weighted_gradient,
        cases=_lengths_gradient_cases,
    ),
    Operator(
        OpSchema(
            "LengthsWeightedSumWithMainInputGradient",
            doc=_GRADIENT_DOC[:-1] + ", and dSCALARS[k] = the product of DATA[k] and dOUTPUT[n].",
            inputs=[SCALARS, dOUTPUT, LENGTHS, DATA],
            outputs=[dDATA, Tensor("dSCALARS", "(K,)")],
            args=[GRAD_ON_WEIGHTS],
            infer=_infer_both,
            gradient=NoGradient.FORBIDDEN,
        ),
        lengths_weighted_gradients,
        cases=_both_cases,
    ),
    *(
        Operator(
            OpSchema(
                f"{order}SegmentWeightedSumGradient",
                doc="dDATA[k] = SCALARS[k] * dOUTPUT[n] with n = SEGMENT_IDS[k].",
                inputs=[SCALARS, dOUTPUT, SEGMENT_IDS],
                outputs=[dDATA],
                args=[GRAD_ON_WEIGHTS],
                infer=_infer_ids_gradient,
                gradient=NoGradient.FORBIDDEN,
            ),
            partial(_ids_gradient, order == "Sorted"),
            cases=partial(_ids_gradient_cases, order == "Sorted"),
        )
        for order in ("Sorted", "Unsorted")
    ),
]
