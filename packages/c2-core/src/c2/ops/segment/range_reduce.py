"""SortedSegmentRange{Sum,Mean,Max,LogSumExp,LogMeanExp}, and their gradients."""

from functools import partial

import numpy as np

from c2.ops.index.rows import require_inside
from c2.ops.rules import equal, rank, same_dtype
from c2.ops.segment.reduction import DATA, SEGMENT_IDS, counts, segment_max, segment_sum
from c2.ops.segment.segment_reduce import largest, require_sorted
from c2.registry import Case, Operator, OpSchema, Tensor, TensorSpec, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT


def _infer(DATA, SEGMENT_IDS):
    require(DATA.ndim >= 1, "DATA must have one axis or more", "1 or more axes", DATA.shape)
    rank("SEGMENT_IDS", SEGMENT_IDS, 1)
    equal("SEGMENT_IDS must have one element per row of DATA", DATA.shape[0], SEGMENT_IDS.size)
    return TensorSpec(None, DATA.dtype)


def _sum(xp, X, ids, n, out):
    return segment_sum(xp, X, ids, n, out)


def _mean(xp, X, ids, n, out):
    total = segment_sum(xp, X, ids, n, out)
    return xp.divide(total, counts(xp, ids, n, X), out=total)


def _log_sum_exp(xp, X, ids, n, out):
    peak = segment_max(xp, X, ids, n, None)
    peak[~xp.isfinite(peak)] = 0  # an infinite one has nothing to scale
    total = segment_sum(xp, xp.exp(X - peak[ids]), ids, n, out)
    xp.log(total, out=total)
    return xp.add(total, peak, out=total)


def _log_mean_exp(xp, X, ids, n, out):
    total = _log_sum_exp(xp, X, ids, n, out)
    return xp.subtract(total, xp.log(counts(xp, ids, n, X)), out=total)


def _reduce(how, xp, DATA, SEGMENT_IDS, *, out=None):
    require_sorted(SEGMENT_IDS)
    return how(xp, DATA, SEGMENT_IDS, largest(SEGMENT_IDS), out)


def _maker(g):
    inputs = [g.I("DATA"), g.O("OUTPUT"), g.GO("OUTPUT"), g.I("SEGMENT_IDS")]
    return [g.op(f"{g.op_def.type}Gradient", inputs, [g.GI("DATA")])]


def _infer_gradient(DATA, OUTPUT, dOUTPUT, SEGMENT_IDS):
    same_dtype(DATA=DATA, OUTPUT=OUTPUT, dOUTPUT=dOUTPUT)
    _infer(DATA, SEGMENT_IDS)
    equal("dOUTPUT must have the shape of OUTPUT", OUTPUT.shape, dOUTPUT.shape)
    equal("OUTPUT must have rows like those of DATA", DATA.shape[1:], OUTPUT.shape[1:])
    return DATA.with_shape(DATA.shape)


def _gradient(slope, mean, xp, DATA, OUTPUT, dOUTPUT, SEGMENT_IDS, *, out=None):
    """The gradient of each row's segment times the slope there."""
    require_sorted(SEGMENT_IDS)
    n = dOUTPUT.shape[0]
    require_inside(SEGMENT_IDS, n, "SEGMENT_IDS")
    equal("dOUTPUT must have one row per segment", largest(SEGMENT_IDS), n)
    share = dOUTPUT / counts(xp, SEGMENT_IDS, n, dOUTPUT) if mean else dOUTPUT
    return xp.multiply(share[SEGMENT_IDS], slope(xp, DATA, OUTPUT, SEGMENT_IDS), out=out)


def _flat(xp, X, Y, ids):
    return X.dtype.type(1)


def _at_maximum(xp, X, Y, ids):
    return xp.equal(X, Y[ids]).astype(X.dtype)


def _softmax(xp, X, Y, ids):
    return xp.exp(X - Y[ids])


_SAMPLES = [((4, 2), [0, 0, 0, 1]), ((5,), [0, 1, 1, 2, 2]), ((2, 1, 2), [0, 0]), ((0, 2), [])]


def _cases(expected, rng):
    for shape, ids in _SAMPLES:
        X = rng.uniform(-2, 2, shape)
        n = max(ids, default=-1) + 1
        rows = [expected(X[[i == s for i in ids]]) for s in range(n)]
        inputs = {"DATA": X, "SEGMENT_IDS": np.array(ids, np.int32)}
        Y = np.array(rows).reshape(n, *shape[1:])
        yield Case(inputs, {}, {"OUTPUT": Y}, grad=None if X.size else ())
    big = np.array([[1000.0], [1000.0], [-1000.0]])  # beyond what exp can hold
    Y = np.array([expected(big[:2] - 1000) + (2000 if expected is _added else 1000), big[2]])
    yield Case(
        {"DATA": big, "SEGMENT_IDS": np.array([0, 0, 1], np.int32)}, {}, {"OUTPUT": Y}, grad=()
    )


def _gradient_cases(expected, weight, rng):
    for shape, ids in _SAMPLES[:3]:
        X = rng.uniform(-2, 2, shape)
        n = max(ids) + 1
        members = [X[[i == s for i in ids]] for s in range(n)]
        Y = np.array([expected(rows) for rows in members])
        dY = rng.uniform(-1, 1, Y.shape)
        dX = np.concatenate([weight(rows) * dY[s] for s, rows in enumerate(members)])
        inputs = {"DATA": X, "OUTPUT": Y, "dOUTPUT": dY, "SEGMENT_IDS": np.array(ids, np.int32)}
        yield Case(inputs, {}, {"dDATA": dX})


def _added(rows):
    return sum(rows)


def _averaged(rows):
    return sum(rows) / len(rows)


def _last_sorted(rows):
    return np.sort(rows, 0)[-1]


def _log_of_sum(rows):
    return np.log(sum(np.exp(rows)))


def _log_of_mean(rows):
    return np.log(sum(np.exp(rows)) / len(rows))


def _normalized(rows):
    return np.exp(rows) / sum(np.exp(rows))


_TABLE = [
    # name, what it is, kernel, slope, divide by the number of rows, and both by other formulas
    ("Sum", "sum(DATA[k])", _sum, _flat, False, _added, np.ones_like),
    ("Mean", "mean(DATA[k])", _mean, _flat, True, _averaged, lambda x: np.ones_like(x) / len(x)),
    ("Max", "max(DATA[k])", segment_max, _at_maximum, False, _last_sorted,
     lambda x: (x == _last_sorted(x)).astype(np.float64)),
    ("LogSumExp", "log(sum(exp(DATA[k])))", _log_sum_exp, _softmax, False, _log_of_sum, _normalized),
    ("LogMeanExp", "log(mean(exp(DATA[k])))", _log_mean_exp, _softmax, True, _log_of_mean, _normalized),
]  # fmt: skip
_SLOPES = {_flat: "1", _at_maximum: "(DATA[k] = OUTPUT[n])", _softmax: "exp(DATA[k] - OUTPUT[n])"}


def _pair(name, formula, how, slope, mean, expected, weight):
    type_ = f"SortedSegmentRange{name}"
    share = " / (rows of segment n)" if mean else ""
    forward = OpSchema(
        type_,
        doc=f"""OUTPUT[n] = {formula} over the rows k with SEGMENT_IDS[k] = n.

        SEGMENT_IDS begin at 0 and rise by 0 or 1. Differs from Caffe2: float16 and float64 are taken too; NaN stays
        NaN also in a maximum, and the logarithm of an infinite sum is infinity, not NaN.
        """,
        inputs=[DATA, SEGMENT_IDS],
        outputs=[Tensor("OUTPUT", "(N, ...), where N - 1 is the largest id")],
        infer=_infer,
        cost=lambda DATA, SEGMENT_IDS: DATA.size,
    )
    backward = OpSchema(
        f"{type_}Gradient",
        doc=f"dDATA[k] = dOUTPUT[n] * {_SLOPES[slope]}{share} with n = SEGMENT_IDS[k].",
        inputs=[
            DATA,
            Tensor("OUTPUT", f"(N, ...): output of {type_}", FLOAT),
            Tensor("dOUTPUT", "(N, ...)", FLOAT),
            SEGMENT_IDS,
        ],
        outputs=[Tensor("dDATA", "shape and dtype of DATA")],
        infer=_infer_gradient,
        gradient=NoGradient.FORBIDDEN,
    )
    return [
        Operator(forward, partial(_reduce, how), _maker, partial(_cases, expected)),
        Operator(
            backward,
            partial(_gradient, slope, mean),
            cases=partial(_gradient_cases, expected, weight),
        ),
    ]


RANGE_REDUCTIONS = [operator for row in _TABLE for operator in _pair(*row)]
