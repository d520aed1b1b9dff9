"""ReduceFront*Gradient and ReduceBack*Gradient."""

from functools import partial

import numpy as np

from c2.ops.reduce.axes import count
from c2.ops.reduce.sides import (
    LENGTHS,
    NUM_REDUCE_DIM,
    counted,
    require_side,
    side_axes,
    side_shape,
    spread,
)
from c2.ops.results import stored
from c2.ops.rules import equal, same_dtype
from c2.registry import Case, Operator, OpSchema, Tensor
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT, INDEX


def _rules(front, dY, X, lengths, num_reduce_dim):
    same_dtype(X=X, dY=dY)
    require_side(front, num_reduce_dim, X, lengths)
    equal(
        "dY must have the shape of X without its reduced axes",
        side_shape(front, num_reduce_dim, X.shape),
        dY.shape,
    )
    return X.with_shape(X.shape)


def _infer(front, dY, X, lengths=None, *, num_reduce_dim):
    return _rules(front, dY, X, lengths, num_reduce_dim)


def _infer_max(front, dY, X, Y, lengths=None, *, num_reduce_dim):
    same_dtype(X=X, Y=Y)
    equal("Y must have the shape of dY", dY.shape, Y.shape)
    return _rules(front, dY, X, lengths, num_reduce_dim)


def side_sum_gradient(front, xp, dY, X, lengths=None, *, num_reduce_dim, out=None):
    return _masked(xp, front, spread(front, X, dY), X, lengths, out)


def side_mean_gradient(front, xp, dY, X, lengths=None, *, num_reduce_dim, out=None):
    if lengths is None:
        n = X.dtype.type(max(count(X.shape, side_axes(front, num_reduce_dim, X.ndim)), 1))
    else:
        size = X.shape[0 if front else -1]
        n = xp.clip(lengths, 1, max(size, 1)).astype(X.dtype).reshape(dY.shape)
    share = dY / n if X.dtype.kind == "f" else xp.sign(dY) * (xp.abs(dY) // n)
    return _masked(xp, front, spread(front, X, share), X, lengths, out)


def side_max_gradient(front, xp, dY, X, Y, lengths=None, *, num_reduce_dim, out=None):
    dX = xp.multiply(spread(front, X, dY), xp.equal(X, spread(front, X, Y)), out=out, dtype=X.dtype)
    return _masked(xp, front, dX, X, lengths, out)


def _masked(xp, front, dX, X, lengths, out):
    if lengths is None:
        return stored(xp, dX, out, X.shape)
    return xp.multiply(dX, counted(xp, front, X, lengths), out=out, dtype=X.dtype)


def _cases(front, what, rng):
    for shape, n, lengths in [
        ((3, 2, 4), 1, None),
        ((3, 2), 2, None),
        ((3, 2), 0, None),
        ((3, 4), 1, [3, 1, 0, 2] if front else [3, 1, 0]),
    ]:
        X = rng.integers(-3, 3, shape).astype(float)  # with ties
        size = X.shape[0] if front else X.shape[-1]
        full = np.full(side_shape(front, n, shape), size if n else 1)
        limits = np.reshape(full if lengths is None else lengths, full.shape)
        dY = rng.uniform(-1, 1, full.shape)
        inputs = {"dY": dY, "X": X}
        Y = np.where(limits > 0, rng.integers(-1, 2, full.shape), 0.0)
        if what == "max":
            inputs["Y"] = Y
        if lengths is not None:
            inputs["lengths"] = np.array(lengths, np.int32)
        dX = np.zeros(shape)
        for at in np.ndindex(*shape):
            to = at[n:] if front else at[: len(shape) - n]
            place = (at[0] if front else at[-1]) if n == 1 else 0
            if place < limits[to]:
                several = limits[to] if n < 2 else X.size
                dX[at] = {"sum": 1, "mean": 1 / several, "max": X[at] == Y[to]}[what] * dY[to]
        yield Case(inputs, {"num_reduce_dim": n}, {"dX": dX})


def _operator(front, what, kernel, formula, dtypes):
    forward = f"Reduce{'Front' if front else 'Back'}{what.capitalize()}"
    outputs = [Tensor("Y", f"output of {forward}", dtypes)] if what == "max" else []
    schema = OpSchema(
        f"{forward}Gradient",
        doc=f"{formula}, with dY repeated along the reduced axes; 0 for elements beyond lengths.",
        inputs=[
            Tensor("dY", f"shape of the output of {forward}", dtypes),
            Tensor("X", f"input of {forward}", dtypes),
            *outputs,
            LENGTHS,
        ],
        outputs=[Tensor("dX", "shape and dtype of X")],
        args=[NUM_REDUCE_DIM],
        infer=partial(_infer_max if what == "max" else _infer, front),
        gradient=NoGradient.NOT_IMPLEMENTED,
    )
    return Operator(schema, partial(kernel, front), cases=partial(_cases, front, what))


SIDE_GRADIENTS = [
    _operator(front, *row)
    for front in (True, False)
    for row in [
        ("sum", side_sum_gradient, "dX = dY", FLOAT | INDEX),
        ("mean", side_mean_gradient, "dX = dY / n", FLOAT | INDEX),
        ("max", side_max_gradient, "dX = dY where X = Y, else 0", FLOAT),
    ]
]
