"""Gradients of lookups: the values of a sparse gradient, one row per index."""

import numpy as np

from c2.ops.rules import equal, rank
from c2.ops.segment.lengths_reduce import (
    rows_gradient,
    rows_gradient_operator,
    rows_mean_gradient,
)
from c2.ops.segment.reduction import segments_of_lengths
from c2.ops.segment.weighted_sum import (
    GRAD_ON_WEIGHTS,
    SCALARS,
    gradient_inputs,
    gradient_of_weights,
    infer_lengths_gradient,
    lengths_weighted_gradient,
    weighted_rows,
)
from c2.ops.sparse.lookup import INDICES, LENGTHS, require_lookup
from c2.registry import Case, Operator, OpSchema, Tensor
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

_TYPE = "SparseLengthsIndicesInGradient"
_dOUTPUT = Tensor("dOUTPUT", "(N, ...)", FLOAT)
_VALUES = Tensor("values", "(K, ...): the gradient of row INDICES[k] of the table")


def _infer_both(SCALARS, dOUTPUT, LENGTHS, DATA, INDICES, *, grad_on_weights):
    rank("INDICES", INDICES, 1)
    equal("INDICES must have one element per weight", SCALARS.size, INDICES.size)
    equal("DATA must have rows like those of dOUTPUT", dOUTPUT.shape[1:], DATA.shape[1:])
    found = infer_lengths_gradient(SCALARS, dOUTPUT, LENGTHS)
    return found, SCALARS.with_shape(SCALARS.shape)


def _both_gradients(xp, SCALARS, dOUTPUT, LENGTHS, DATA, INDICES, *, grad_on_weights, out=None):
    outs = (None, None) if out is None else out
    require_lookup(INDICES, LENGTHS, DATA.shape[0])
    ids = segments_of_lengths(xp, LENGTHS, SCALARS.size)
    rows = weighted_rows(xp, SCALARS, dOUTPUT, ids, outs[0])
    return rows, gradient_of_weights(xp, dOUTPUT[ids], xp.take(DATA, INDICES, axis=0), outs[1])


def _inputs(rng):
    W, dY, ids = gradient_inputs(rng)
    picked = np.array([3, 0, 1, 1, 3])
    values = np.array([w * dY[n] for w, n in zip(W, ids)])
    return W, dY, ids, picked, values


def _weighted_cases(rng):
    W, dY, _, picked, values = _inputs(rng)
    inputs = {"SCALARS": W, "dOUTPUT": dY, "LENGTHS": np.array([2, 0, 3], np.int32)}
    yield Case({**inputs, "INDICES": picked}, {}, {"values": values})


def _both_cases(rng):
    W, dY, ids, picked, values = _inputs(rng)
    X = rng.uniform(-1, 1, (4, 2))
    inputs = {"SCALARS": W, "dOUTPUT": dY, "LENGTHS": np.array([2, 0, 3], np.int32), "DATA": X}
    dW = np.array([X[i] @ dY[n] for i, n in zip(picked, ids)])
    args = {"grad_on_weights": True}
    yield Case({**inputs, "INDICES": picked}, args, {"values": values, "dSCALARS": dW})


def _schema(name, doc, inputs, outputs, infer):
    return OpSchema(
        f"{_TYPE}{name}Gradient",
        doc=doc,
        inputs=[SCALARS, _dOUTPUT, LENGTHS, *inputs, INDICES],
        outputs=outputs,
        args=[GRAD_ON_WEIGHTS],
        infer=infer,
        gradient=NoGradient.FORBIDDEN,
    )


_DOC = "values[k] = SCALARS[k] * dOUTPUT[n] for each place k of segment n"

LOOKUP_GRADIENTS = [
    rows_gradient_operator(f"{_TYPE}SumGradient", rows_gradient, "values[k] = dOUTPUT[n]", False),
    rows_gradient_operator(
        f"{_TYPE}MeanGradient", rows_mean_gradient, "values[k] = dOUTPUT[n] / LENGTHS[n]", True
    ),
    Operator(
        _schema("WeightedSum", _DOC + ".", [], [_VALUES], infer_lengths_gradient),
        lengths_weighted_gradient,
        cases=_weighted_cases,
    ),
    Operator(
        _schema(
            "WeightedSumWithMainInput",
            _DOC + ", and dSCALARS[k] = the product of DATA[INDICES[k]] and dOUTPUT[n].",
            [Tensor("DATA", "(R, ...): the table", FLOAT)],
            [_VALUES, Tensor("dSCALARS", "(K,)")],
            _infer_both,
        ),
        _both_gradients,
        cases=_both_cases,
    ),
]
