"""SparseLengthsSum, -Mean, -WeightedSum and -PositionalWeightedSum: sums of rows that indices pick."""

from functools import partial

import numpy as np

from c2.ops.rules import rank
from c2.ops.segment.weighted_sum import GRAD_ON_WEIGHTS
from c2.ops.sparse.lookup import (
    INDICES,
    LENGTHS,
    infer_lookup,
    look_up,
    require_lookup,
    require_weights,
)
from c2.registry import Case, Operator, OpSchema, Tensor, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

DATA = Tensor("DATA", "(R, ...): the table", FLOAT)
WEIGHTS = frozenset({"float32", "float64"})
_LIMITS = """A segment without places gives 0. LENGTHS must add up to K, and every index must be one of a row. Sums of a
        float16 table are float32. Differs from Caffe2: float64 is taken too"""


def _summed_in(DATA):
    """float16 rows are added in float32."""
    return np.dtype("float32") if DATA.dtype == np.float16 else DATA.dtype


def _infer(DATA, INDICES, LENGTHS):
    require(DATA.ndim >= 1, "DATA must have one axis or more", "1 or more axes", DATA.shape)
    return infer_lookup(INDICES, LENGTHS, DATA.shape[1:], _summed_in(DATA))


def _infer_weighted(DATA, SCALARS, INDICES, LENGTHS, *, grad_on_weights):
    require_weights("SCALARS", SCALARS, INDICES, _summed_in(DATA))
    return _infer(DATA, INDICES, LENGTHS)


def _infer_positional(DATA, WEIGHT, INDICES, LENGTHS):
    rank("WEIGHT", WEIGHT, 1)
    dtype = _summed_in(DATA)
    require(WEIGHT.dtype == dtype, "WEIGHT must have the dtype of the sums", dtype, WEIGHT.dtype)
    return _infer(DATA, INDICES, LENGTHS)


def _sums(xp, DATA, INDICES, LENGTHS, out, **how):
    require_lookup(INDICES, LENGTHS, DATA.shape[0])
    dtype = _summed_in(DATA)
    if out is None:
        out = xp.empty((LENGTHS.size, *DATA.shape[1:]), dtype)

    def pick(indices):
        return xp.take(DATA, indices, axis=0).astype(dtype, copy=False)

    return look_up(xp, pick, INDICES, LENGTHS, out, **how)


def sparse_lengths_sum(xp, DATA, INDICES, LENGTHS, *, out=None):
    return _sums(xp, DATA, INDICES, LENGTHS, out)


def sparse_lengths_mean(xp, DATA, INDICES, LENGTHS, *, out=None):
    return _sums(xp, DATA, INDICES, LENGTHS, out, mean=True)


def sparse_lengths_weighted_sum(xp, DATA, SCALARS, INDICES, LENGTHS, *, grad_on_weights, out=None):
    return _sums(xp, DATA, INDICES, LENGTHS, out, weights=SCALARS)


def sparse_lengths_positional_weighted_sum(xp, DATA, WEIGHT, INDICES, LENGTHS, *, out=None):
    longest = int(LENGTHS.max()) if LENGTHS.size else 0
    require(longest <= WEIGHT.size, "WEIGHT must reach the longest segment", longest, WEIGHT.size)
    return _sums(xp, DATA, INDICES, LENGTHS, out, weights=WEIGHT, positional=True)


def _values(g):
    """The sparse gradient of DATA, at the indices that the lookup has; returns the name of its values."""
    values = f"{g.shape_of('DATA')}_grad_values"
    g.set_sparse("DATA", g.I("INDICES"), values)
    return values


def _maker(gradient_type, g):
    inputs = [g.GO("OUTPUT"), g.I("LENGTHS"), g.I("INDICES")]
    return [g.op(gradient_type, inputs, [_values(g)])]


def _weighted_maker(g):
    type_ = "SparseLengthsIndicesInGradientWeightedSum"
    inputs = [g.I("SCALARS"), g.GO("OUTPUT"), g.I("LENGTHS")]
    if not g.args["grad_on_weights"]:
        return [g.op(f"{type_}Gradient", [*inputs, g.I("INDICES")], [_values(g)])]
    inputs += [g.I("DATA"), g.I("INDICES")]
    return [g.op(f"{type_}WithMainInputGradient", inputs, [_values(g), g.GI("SCALARS")])]


def _one_hot_sums(X, indices, lengths, weights, mean=False):
    """By a matrix with a row per segment and a column per row of the table."""
    belongs, at = np.zeros((len(lengths), len(X))), 0
    for n, length in enumerate(lengths):
        for k in range(at, at + length):
            belongs[n, indices[k]] += weights[k] / (length if mean else 1)
        at += length
    return np.tensordot(belongs, X, (1, 0))


_SAMPLES = [
    ((4, 3), [0, 3, 1, 3, 3], [2, 0, 3]),
    ((4,), [2, 2, 0], [3]),
    ((3, 1, 2), [1, 2, 0, 0, 1] * 6, [1, 2] * 10),
    ((3, 2), [], [0, 0]),
    ((0, 2), [], [0]),
    ((3, 2), [], []),
]


def _cases(mean, rng):
    for number, (shape, indices, lengths) in enumerate(_SAMPLES):
        X = rng.uniform(-1, 1, shape)
        expected = _one_hot_sums(X, indices, lengths, [1.0] * len(indices), mean)
        inputs = {"DATA": X, "INDICES": np.array(indices, np.int32 if number % 2 else np.int64)}
        inputs["LENGTHS"] = np.array(lengths, np.int32)
        yield Case(inputs, {}, {"OUTPUT": expected}, grad=None if indices else ())


def _weighted_cases(rng):
    for shape, indices, lengths in _SAMPLES[:4]:
        X, W = rng.uniform(-1, 1, shape), rng.uniform(-1, 1, len(indices))
        inputs = {"DATA": X, "SCALARS": W, "INDICES": np.array(indices, np.int64)}
        inputs["LENGTHS"] = np.array(lengths, np.int32)
        expect = {"OUTPUT": _one_hot_sums(X, indices, lengths, W)}
        grad = None if indices else ()
        yield Case(inputs, {"grad_on_weights": False}, expect, grad=grad)
        yield Case(inputs, {"grad_on_weights": True}, expect, grad=grad)


def _positional_cases(rng):
    for shape, indices, lengths in _SAMPLES[:4]:
        X, W = rng.uniform(-1, 1, shape), rng.uniform(-1, 1, 4)
        inputs = {"DATA": X, "WEIGHT": W, "INDICES": np.array(indices, np.int64)}
        inputs["LENGTHS"] = np.array(lengths, np.int32)
        each = [W[j] for length in lengths for j in range(length)]
        yield Case(inputs, {}, {"output": _one_hot_sums(X, indices, lengths, each)})


def _schema(type_, formula, weights, infer, limits="", output="OUTPUT", **further):
    return OpSchema(
        type_,
        doc=f"{formula}\n\n        {_LIMITS}{limits}.",
        inputs=[DATA, *weights, INDICES, LENGTHS],
        outputs=[Tensor(output, "(N, ...)")],
        infer=infer,
        cost=lambda *specs, **args: (
            2 * specs[-2].size * (specs[0].size // max(specs[0].shape[0], 1))
        ),
        **further,
    )


_OVER = "over the LENGTHS[n] places k of segment n"
_OF_SUM = "SparseLengthsIndicesInGradientSumGradient"
_OF_MEAN = "SparseLengthsIndicesInGradientMeanGradient"

LOOKUPS = [
    Operator(
        _schema("SparseLengthsSum", f"OUTPUT[n] = sum(DATA[INDICES[k]]) {_OVER}.", [], _infer),
        sparse_lengths_sum, partial(_maker, _OF_SUM), partial(_cases, False),
    ),
    Operator(
        _schema("SparseLengthsMean", f"OUTPUT[n] = mean(DATA[INDICES[k]]) {_OVER}.", [], _infer),
        sparse_lengths_mean, partial(_maker, _OF_MEAN), partial(_cases, True),
    ),
    Operator(
        _schema(
            "SparseLengthsWeightedSum",
            f"OUTPUT[n] = sum(SCALARS[k] * DATA[INDICES[k]]) {_OVER}.",
            [Tensor("SCALARS", "(K,): the weight of each place", WEIGHTS)],
            _infer_weighted,
            args=[GRAD_ON_WEIGHTS],
        ),
        sparse_lengths_weighted_sum, _weighted_maker, _weighted_cases,
    ),
    Operator(
        _schema(
            "SparseLengthsPositionalWeightedSum",
            f"output[n] = sum(WEIGHT[j] * DATA[INDICES[k]]) {_OVER}, k being place j of it.",
            [Tensor("WEIGHT", "as long as the longest segment, or longer", WEIGHTS)],
            _infer_positional,
            limits=", and a WEIGHT that is too short is an error (there what lies behind it is read)",
            output="output",
            gradient=NoGradient.FORBIDDEN,
        ),
        sparse_lengths_positional_weighted_sum, cases=_positional_cases,
    ),
]  # fmt: skip
