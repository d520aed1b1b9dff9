"""Reduce*Gradient: dY handed back to the elements that were reduced."""

from functools import partial

import numpy as np

from c2.ops.reduce.axes import AXES, KEEPDIMS, count, kept_shape, reduced_axes, reduced_shape
from c2.ops.results import stored
from c2.ops.rules import equal, same_dtype
from c2.registry import Case, Operator, OpSchema, Tensor
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT, INDEX


def _infer(dY, X, Y, *, axes, keepdims):
    same_dtype(X=X, dY=dY, Y=Y)
    shape = reduced_shape(X.shape, reduced_axes(axes, X.ndim), keepdims)
    for name, spec in (("dY", dY), ("Y", Y)):
        equal(f"{name} must have the shape of X reduced over axes {tuple(axes)}", shape, spec.shape)
    return X.with_shape(X.shape)


def _kept(X, reduced, axes):
    return reduced.reshape(kept_shape(X.shape, reduced_axes(axes, X.ndim)))


def reduce_sum_gradient(xp, dY, X, Y, *, axes, keepdims, out=None):
    return stored(xp, _kept(X, dY, axes), out, X.shape)


def reduce_mean_gradient(xp, dY, X, Y, *, axes, keepdims, out=None):
    n = count(X.shape, reduced_axes(axes, X.ndim))
    return stored(xp, _kept(X, dY, axes) / X.dtype.type(max(n, 1)), out, X.shape)


def reduce_extreme_gradient(xp, dY, X, Y, *, axes, keepdims, out=None):
    return xp.multiply(_kept(X, dY, axes), xp.equal(X, _kept(X, Y, axes)), out=out, dtype=X.dtype)


def reduce_l1_gradient(xp, dY, X, Y, *, axes, keepdims, out=None):
    sign = xp.sign(X, out=out)
    return xp.multiply(sign, _kept(X, dY, axes), out=out)


def reduce_l2_gradient(xp, dY, X, Y, *, axes, keepdims, out=None):
    Y, dY = _kept(X, Y, axes), _kept(X, dY, axes)
    one = X.dtype.type(1)
    scaled = xp.multiply(X, dY / xp.where(Y == 0, one, Y), out=out)
    return xp.add(scaled, xp.where(Y == 0, dY, X.dtype.type(0)), out=out)


def _cases(reduce, element, rng):
    """`element(x, y, dy, n)` is the derivative of one element, by hand."""
    for shape, axes, keepdims in [
        ((2, 3), [1], True),
        ((2, 3, 2), [0, 2], False),
        ((6, 1), [1], True),
        ((), [], True),
    ]:
        X = rng.integers(-2, 3, shape).astype(float)  # with ties and zeros
        over = reduced_axes(axes, X.ndim)
        Y = reduce(X, over, keepdims=True)
        dY = rng.uniform(-1, 1, np.shape(Y))
        n = count(shape, over)
        each = np.broadcast_arrays(X, Y, dY)
        dX = [element(float(x), float(y), dy, n) for x, y, dy in zip(*(a.ravel() for a in each))]
        final = reduced_shape(shape, over, keepdims)
        yield Case(
            {"dY": dY.reshape(final), "X": X, "Y": Y.reshape(final)},
            {"axes": axes, "keepdims": keepdims},
            {"dX": np.reshape(dX, shape)},
        )


def _l1(X, axes, keepdims):
    return np.sum(np.maximum(X, -X), axes, keepdims=keepdims)


def _l2(X, axes, keepdims):
    return np.sqrt(np.sum(X**2, axes, keepdims=keepdims))


def _operator(type_, kernel, formula, reduce, element, dtypes=FLOAT):
    schema = OpSchema(
        f"{type_}Gradient",
        doc=f"{formula}, with dY and Y repeated along the axes that {type_} reduced.",
        inputs=[
            Tensor("dY", f"shape of the output of {type_}", dtypes),
            Tensor("X", f"input of {type_}", dtypes),
            Tensor("Y", f"output of {type_}", dtypes),
        ],
        outputs=[Tensor("dX", "shape and dtype of X")],
        args=[AXES, KEEPDIMS],
        infer=_infer,
        gradient=NoGradient.NOT_IMPLEMENTED,
    )
    return Operator(schema, kernel, cases=partial(_cases, reduce, element))


def _where_equal(x, y, dy, n):
    return dy if x == y else 0.0


_NUMBERS = FLOAT | INDEX
_TIES = "dX = dY where X = Y, else 0; each of several equal extremes gets all of dY"

REDUCTION_GRADIENTS = [
    _operator("ReduceSum", reduce_sum_gradient, "dX = dY", np.sum, lambda x, y, dy, n: dy, _NUMBERS),
    _operator("ReduceMean", reduce_mean_gradient, "dX = dY / n", np.mean, lambda x, y, dy, n: dy / n),
    _operator("ReduceMax", reduce_extreme_gradient, _TIES, np.max, _where_equal, _NUMBERS),
    _operator("ReduceMin", reduce_extreme_gradient, _TIES, np.min, _where_equal, _NUMBERS),
    _operator(
        "ReduceL1", reduce_l1_gradient, "dX = dY * sign(X)", _l1,
        lambda x, y, dy, n: dy * (int(x > 0) - int(x < 0)),
    ),
    _operator(
        "ReduceL2", reduce_l2_gradient, "dX = dY * X / Y, and dY where Y = 0", _l2,
        lambda x, y, dy, n: dy * x / y if y else dy,
    ),
]  # fmt: skip
