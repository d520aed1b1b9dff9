"""ReduceFront* and ReduceBack*: sum, mean and maximum over the first or last axes."""

from functools import partial

import numpy as np

from c2.ops.reduce.axes import count, rows
from c2.ops.reduce.sides import (
    LENGTHS,
    NUM_REDUCE_DIM,
    counted,
    require_side,
    side_axes,
    side_shape,
)
from c2.ops.results import stored
from c2.registry import Case, Operator, OpSchema, Tensor, TensorSpec
from c2.registry.spec import FLOAT, INDEX


def _infer(front, X, lengths=None, *, num_reduce_dim):
    require_side(front, num_reduce_dim, X, lengths)
    return TensorSpec(side_shape(front, num_reduce_dim, X.shape), X.dtype)


def reduce_side_sum(front, xp, X, lengths=None, *, num_reduce_dim, out=None):
    if lengths is not None:
        X = xp.where(counted(xp, front, X, lengths), X, X.dtype.type(0))
    axes = side_axes(front, num_reduce_dim, X.ndim)
    return X.sum(axis=axes, dtype=X.dtype, out=out) if axes else stored(xp, X, out)


def reduce_side_mean(front, xp, X, lengths=None, *, num_reduce_dim, out=None):
    total = reduce_side_sum(front, xp, X, lengths, num_reduce_dim=num_reduce_dim, out=out)
    if lengths is None:
        axes = side_axes(front, num_reduce_dim, X.ndim)
        n = X.dtype.type(max(count(X.shape, axes), 1))
    else:
        size = X.shape[0 if front else -1]
        n = xp.clip(lengths, 1, max(size, 1)).astype(X.dtype).reshape(total.shape)
    if X.dtype.kind == "f":
        return xp.divide(total, n, out=out)
    return xp.multiply(xp.sign(total), xp.abs(total) // n, out=out)  # towards zero, as C divides


def reduce_side_max(front, xp, X, lengths=None, *, num_reduce_dim, out=None):
    axes = side_axes(front, num_reduce_dim, X.ndim)
    if not axes:
        return stored(xp, X, out)
    if not X.size:
        return stored(xp, X.dtype.type(0), out, side_shape(front, num_reduce_dim, X.shape), X.dtype)
    if lengths is None:
        return X.max(axis=axes, out=out)
    Y = xp.where(counted(xp, front, X, lengths), X, X.dtype.type(-np.inf)).max(axis=axes)
    return stored(xp, xp.where(lengths.reshape(Y.shape) > 0, Y, X.dtype.type(0)), out)


def _gradient_maker(names, g):
    lengths = [g.I(1)] if g.n_inputs == 2 else []
    inputs = [g.GO("Y"), g.I("X"), *([g.O("Y")] if "Y" in names else []), *lengths]
    return [g.op(f"{g.op_def.type}Gradient", inputs, [g.GI("X")])]


def _cases(front, dtypes, of_rows, rng):
    """`of_rows` reduces the last axis by another formula than the kernel's."""
    for shape, n in [((2, 3, 4), 1), ((2, 3, 4), 2), ((2, 3), 2), ((2, 3), 0), ((4,), 1), ((), 0)]:
        X = rng.uniform(-1, 1, shape)
        Y = of_rows(rows(X, side_axes(front, n, X.ndim)))
        yield Case({"X": X}, {"num_reduce_dim": n}, {"Y": Y})
    for shape in [(0, 3), (3, 0)]:
        Y = np.zeros(shape[1:] if front else shape[:1])
        yield Case({"X": np.zeros(shape)}, {}, {"Y": Y}, grad=())
    X = rng.uniform(-1, 1, (3, 4))
    lengths = np.array([[3, 1, 2, 5], [1, 4, 0]][not front], np.int32)
    picked = [line[:n] for line, n in zip(X.T if front else X, lengths)]
    Y = np.array([of_rows(line) if line.size else 0.0 for line in picked])
    yield Case({"X": X, "lengths": lengths}, {}, {"Y": Y}, id="lengths")
    if "int64" in dtypes:
        X = rng.integers(-9, 9, (3, 4))
        for dtype in ("int32", "int64"):
            Y = np.trunc(of_rows(rows(X * 1.0, side_axes(front, 1, 2))))
            yield Case({"X": X.astype(dtype)}, {}, {"Y": Y.astype(dtype)}, id=dtype)


def _sum_of_rows(M):
    return M @ np.ones(M.shape[-1])


def _mean_of_rows(M):
    return M @ np.ones(M.shape[-1]) / M.shape[-1]


def _max_of_rows(M):
    return np.sort(M, -1)[..., -1]


def _operator(front, what, kernel, of_rows, dtypes):
    side = "first" if front else "last"
    extra = "float16 is taken too" if "int64" in dtypes else "float16 and float64 are taken too"
    schema = OpSchema(
        f"Reduce{'Front' if front else 'Back'}{what.capitalize()}",
        doc=f"""Y = {what} of X over its {side} num_reduce_dim axes.

        With lengths, only the first lengths[i] elements behind Y[i] count. No elements give 0. The mean of
        integers is cut towards 0. Differs from Caffe2: {extra}; a length of 0 gives 0 and one beyond the axis
        counts all (there the first element, and memory beyond the axis).
        """,
        inputs=[Tensor("X", "any shape", dtypes), LENGTHS],
        outputs=[Tensor("Y", f"X without its {side} axes")],
        args=[NUM_REDUCE_DIM],
        infer=partial(_infer, front),
        cost=lambda X, *lengths, **args: X.size,
    )
    names = "XY" if what == "max" else "X"
    return Operator(
        schema,
        partial(kernel, front),
        partial(_gradient_maker, names),
        partial(_cases, front, dtypes, of_rows),
    )


SIDE_REDUCTIONS = [
    _operator(front, *row)
    for front in (True, False)
    for row in [
        ("sum", reduce_side_sum, _sum_of_rows, FLOAT | INDEX),
        ("mean", reduce_side_mean, _mean_of_rows, FLOAT | INDEX),
        ("max", reduce_side_max, _max_of_rows, FLOAT),
    ]
]
