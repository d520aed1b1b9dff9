"""LengthsSum, LengthsMean and LengthsMax, and their gradients."""

from functools import partial

import numpy as np

from c2.ops.results import stored
from c2.ops.rules import equal, rank, same_dtype
from c2.ops.segment.reduction import (
    DATA,
    LENGTHS,
    as_column,
    segment_max,
    segment_sum,
    segments_of_lengths,
)
from c2.registry import Case, Operator, OpSchema, Tensor, TensorSpec, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT


def _infer(DATA, LENGTHS):
    require(DATA.ndim >= 1, "DATA must have one axis or more", "1 or more axes", DATA.shape)
    rank("LENGTHS", LENGTHS, 1)
    return TensorSpec((LENGTHS.size, *DATA.shape[1:]), DATA.dtype)


def lengths_sum(xp, DATA, LENGTHS, *, out=None):
    ids = segments_of_lengths(xp, LENGTHS, DATA.shape[0])
    return segment_sum(xp, DATA, ids, LENGTHS.size, out)


def lengths_mean(xp, DATA, LENGTHS, *, out=None):
    total = lengths_sum(xp, DATA, LENGTHS, out=out)
    return xp.divide(total, as_column(xp.maximum(LENGTHS, 1), DATA), out=total)


def lengths_max(xp, DATA, LENGTHS, *, out=None):
    ids = segments_of_lengths(xp, LENGTHS, DATA.shape[0])
    return segment_max(xp, DATA, ids, LENGTHS.size, out)


def _rows_maker(gradient_type, g):
    inputs = [g.GO("OUTPUT"), g.I("LENGTHS"), g.I("DATA")]
    return [g.op(gradient_type, inputs, [g.GI("DATA")])]


def _max_maker(gradient_type, g):
    inputs = [g.O("OUTPUT"), g.GO("OUTPUT"), g.I("LENGTHS"), g.I("DATA")]
    return [g.op(gradient_type, inputs, [g.GI("DATA")])]


def _cases(reduce, rng):
    for shape, lengths in [
        ((5, 2), [2, 0, 3]),
        ((4,), [1, 3]),
        ((3, 2, 2), [3]),
        ((0, 2), [0, 0]),
        ((0,), []),
    ]:
        X = rng.uniform(-1, 1, shape)
        parts = np.split(X, np.cumsum(lengths)[:-1]) if lengths else []
        rows = [reduce(part) if len(part) else np.zeros(shape[1:]) for part in parts]
        inputs = {"DATA": X, "LENGTHS": np.array(lengths, np.int32)}
        expected = np.array(rows).reshape(len(lengths), *shape[1:])
        yield Case(inputs, {}, {"OUTPUT": expected}, grad=None if X.size else ())


def _operator(what, kernel, maker, gradient_type, reduce):
    schema = OpSchema(
        f"Lengths{what.capitalize()}",
        doc=f"""OUTPUT[n] = the {what} of the LENGTHS[n] rows of segment n.

        A segment without rows gives 0. LENGTHS must add up to K. Differs from Caffe2: float16 and float64 are taken
        too.
        """,
        inputs=[DATA, LENGTHS],
        outputs=[Tensor("OUTPUT", "(N, ...)")],
        infer=_infer,
        cost=lambda DATA, LENGTHS: DATA.size,
    )
    return Operator(schema, kernel, partial(maker, gradient_type), partial(_cases, reduce))


_OF_SUM = "LengthsIndicesInGradientSumGradient"
_OF_MEAN = "LengthsIndicesInGradientMeanGradient"
_OF_MAX = "LengthsMaxWithMainInputAndForwardOutputGradient"

LENGTHS_REDUCTIONS = [
    _operator("sum", lengths_sum, _rows_maker, _OF_SUM, sum),
    _operator("mean", lengths_mean, _rows_maker, _OF_MEAN, lambda rows: sum(rows) / len(rows)),
    _operator("max", lengths_max, _max_maker, _OF_MAX, lambda rows: np.sort(rows, 0)[-1]),
]


# -- gradients


def _infer_rows(dOUTPUT, LENGTHS, INDICES):
    rank("LENGTHS", LENGTHS, 1)
    require(
        dOUTPUT.ndim >= 1, "dOUTPUT must have one axis or more", "1 or more axes", dOUTPUT.shape
    )
    equal("dOUTPUT must have one row per segment", LENGTHS.size, dOUTPUT.shape[0])
    require(
        INDICES.ndim >= 1, "INDICES must have one axis or more", "1 or more axes", INDICES.shape
    )
    return TensorSpec((INDICES.shape[0], *dOUTPUT.shape[1:]), dOUTPUT.dtype)


def rows_gradient(xp, dOUTPUT, LENGTHS, INDICES, *, out=None):
    ids = segments_of_lengths(xp, LENGTHS, INDICES.shape[0])
    return stored(xp, dOUTPUT[ids], out)


def rows_mean_gradient(xp, dOUTPUT, LENGTHS, INDICES, *, out=None):
    share = dOUTPUT / as_column(xp.maximum(LENGTHS, 1), dOUTPUT)
    return rows_gradient(xp, share, LENGTHS, INDICES, out=out)


def _infer_max(OUTPUT, dOUTPUT, LENGTHS, DATA):
    same_dtype(DATA=DATA, OUTPUT=OUTPUT, dOUTPUT=dOUTPUT)
    equal("dOUTPUT must have the shape of OUTPUT", OUTPUT.shape, dOUTPUT.shape)
    equal("OUTPUT must have one row per segment", (LENGTHS.size, *DATA.shape[1:]), OUTPUT.shape)
    return DATA.with_shape(DATA.shape)


def lengths_max_gradient(xp, OUTPUT, dOUTPUT, LENGTHS, DATA, *, out=None):
    ids = segments_of_lengths(xp, LENGTHS, DATA.shape[0])
    return xp.multiply(dOUTPUT[ids], xp.equal(DATA, OUTPUT[ids]), out=out, dtype=DATA.dtype)


def _rows_cases(mean, rng):
    for shape, lengths in [((3, 2), [2, 0, 3]), ((2,), [1, 3]), ((0, 2), [])]:
        dY = rng.uniform(-1, 1, shape)
        rows = [
            dY[n] / (length if mean else 1)
            for n, length in enumerate(lengths)
            for _ in range(length)
        ]
        K = sum(lengths)
        for third in (np.zeros((K, 7)), np.zeros(K, np.int64)):
            inputs = {"dOUTPUT": dY, "LENGTHS": np.array(lengths, np.int32), "INDICES": third}
            yield Case(inputs, {}, {"dDATA": np.array(rows).reshape(K, *shape[1:])})


def _max_cases(rng):
    X = np.array([[5, 0], [5, 1], [3, 1], [1, 3.0]])  # with a tie
    dY = rng.uniform(1, 2, (3, 2))
    dX = [[dY[0, 0], 0], [dY[0, 0], dY[0, 1]], [dY[2, 0], 0], [0, dY[2, 1]]]
    inputs = {"OUTPUT": np.array([[5, 1], [0, 0], [3, 3.0]]), "dOUTPUT": dY}
    yield Case({**inputs, "LENGTHS": np.array([2, 0, 2], np.int32), "DATA": X}, {}, {"dDATA": dX})


def rows_gradient_operator(type_, kernel, formula, mean):
    schema = OpSchema(
        type_,
        doc=f"{formula} for each row k of segment n.",
        inputs=[
            Tensor("dOUTPUT", "(N, ...)", FLOAT),
            LENGTHS,
            Tensor("INDICES", "(K, ...): data or indices; only K is read"),
        ],
        outputs=[Tensor("dDATA", "(K, ...)")],
        infer=_infer_rows,
        gradient=NoGradient.NOT_IMPLEMENTED,
    )
    return Operator(schema, kernel, cases=partial(_rows_cases, mean))


LENGTHS_GRADIENTS = [
    rows_gradient_operator(_OF_SUM, rows_gradient, "dDATA[k] = dOUTPUT[n]", False),
    rows_gradient_operator(
        _OF_MEAN, rows_mean_gradient, "dDATA[k] = dOUTPUT[n] / LENGTHS[n]", True
    ),
    Operator(
        OpSchema(
            _OF_MAX,
            doc="""dDATA[k] = dOUTPUT[n] where DATA[k] = OUTPUT[n], else 0, for each row k of segment n.

            Each of several equal maxima gets all of dOUTPUT.
            """,
            inputs=[
                Tensor("OUTPUT", "(N, ...): output of LengthsMax", FLOAT),
                Tensor("dOUTPUT", "(N, ...)", FLOAT),
                LENGTHS,
                DATA,
            ],
            outputs=[Tensor("dDATA", "shape and dtype of DATA")],
            infer=_infer_max,
            cost=lambda OUTPUT, dOUTPUT, LENGTHS, DATA: DATA.size,
            gradient=NoGradient.NOT_IMPLEMENTED,
        ),
        lengths_max_gradient,
        cases=_max_cases,
    ),
]
