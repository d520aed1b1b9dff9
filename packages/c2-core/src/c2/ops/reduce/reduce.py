"""Reduce*: sum, mean, maximum, minimum and norms over chosen axes."""

from functools import partial

import numpy as np

from c2.ops.reduce.axes import AXES, KEEPDIMS, kept_shape, reduced_axes, reduced_shape, rows
from c2.ops.reduce.axes import count as elements
from c2.registry import Case, Operator, OpSchema, Tensor, TensorSpec
from c2.registry.spec import FLOAT, INDEX


def _infer(X, *, axes, keepdims):
    return TensorSpec(reduced_shape(X.shape, reduced_axes(axes, X.ndim), keepdims), X.dtype)


class Reduction:
    """What all of them find once: the axes, and how many elements each result stands for."""

    def __init__(self, xp, X, *, axes, keepdims):
        self.xp, self.keepdims, self.dtype = xp, keepdims, X.dtype
        self.axes = reduced_axes(axes, X.ndim)
        self.count = X.dtype.type(max(elements(X.shape, self.axes), 1))
        self.shape = reduced_shape(X.shape, self.axes, keepdims)

    def sum(self, X, out):
        return X.sum(axis=self.axes, dtype=self.dtype, out=out, keepdims=self.keepdims)

    def filled(self, value, out):
        if out is None:
            out = self.xp.empty(self.shape, self.dtype)
        out[...] = value
        return out


class ReduceSum(Reduction):
    def __call__(self, X, out=None):
        return self.sum(X, out)


class ReduceMean(Reduction):
    def __call__(self, X, out=None):
        return self.xp.divide(self.sum(X, out), self.count, out=out)


class ReduceMax(Reduction):
    def __call__(self, X, out=None):
        if not X.size:
            return self.filled(lowest(self.dtype), out)
        return X.max(axis=self.axes, out=out, keepdims=self.keepdims)


class ReduceMin(Reduction):
    def __call__(self, X, out=None):
        if not X.size:
            return self.filled(highest(self.dtype), out)
        return X.min(axis=self.axes, out=out, keepdims=self.keepdims)


class ReduceL1(Reduction):
    def __call__(self, X, out=None):
        return self.sum(self.xp.asarray(self.xp.abs(X)), out)


class ReduceL2(Reduction):
    def __call__(self, X, out=None):
        return self.xp.sqrt(self.sum(self.xp.asarray(self.xp.square(X)), out), out=out)


def lowest(dtype):
    """The smallest finite number of a dtype: the maximum of nothing."""
    return np.finfo(dtype).min if dtype.kind == "f" else np.iinfo(dtype).min


def highest(dtype):
    """The largest finite number of a dtype: the minimum of nothing."""
    return np.finfo(dtype).max if dtype.kind == "f" else np.iinfo(dtype).max


def _gradient_maker(g):
    inputs = [g.GO(0), g.I(0), g.O(0)]
    return [g.op(f"{g.op_def.type}Gradient", inputs, [g.GI(0)])]


def _cases(names, dtypes, of_rows, rng):
    """`of_rows` reduces the last axis by another formula than the kernel's."""
    case = partial(_case, names, of_rows)
    X = rng.uniform(0.1, 1, (2, 3, 4)) * rng.choice([-1, 1], (2, 3, 4))
    for args in ({}, {"axes": [1]}, {"axes": [2, 0]}, {"axes": [-1]}, {"axes": [0, 0, 1]}):
        for keepdims in (True, False):
            yield case(X, {**args, "keepdims": keepdims})
    for shape in [(), (1,), (5, 1, 3), (0, 3)]:
        yield case(rng.uniform(0.1, 1, shape), {"axes": [len(shape) - 1] if shape else []})
    if "int64" not in dtypes:
        yield case(np.zeros((2, 0)), {"axes": [1]})
        return
    yield case(np.zeros((2, 0), np.int64), {"axes": [1]})
    for dtype in ("int32", "int64"):
        yield case(rng.integers(-9, 9, (3, 5)).astype(dtype), {"axes": [1]})


def _case(names, of_rows, X, args):
    axes = reduced_axes(args.get("axes", ()), X.ndim)
    expected = of_rows(rows(X, axes))
    if args.get("keepdims", True):
        expected = expected.reshape(kept_shape(X.shape, axes))
    return Case({names[0]: X}, args, {names[1]: expected}, grad=None if X.size else ())


def _sum_of_rows(M):
    return M @ np.ones(M.shape[-1], M.dtype)


def _mean_of_rows(M):
    return M @ np.full(M.shape[-1], 1 / max(M.shape[-1], 1))


def _max_of_rows(M):
    if M.shape[-1]:
        return np.sort(M, -1)[..., -1]
    return np.full(M.shape[:-1], -(2**63))  # of int64


def _min_of_rows(M):
    if M.shape[-1]:
        return np.sort(M, -1)[..., 0]
    return np.full(M.shape[:-1], 2**63 - 1)  # of int64


def _l1_of_rows(M):
    return _sum_of_rows(np.maximum(M, -M))


def _l2_of_rows(M):
    return np.sqrt(np.einsum("...i,...i", M, M))


def _operator(type_, kernel, of_rows, formula, edges, dtypes, names=("X", "Y")):
    schema = OpSchema(
        type_,
        doc=f"{formula} over `axes`.\n\nAn axis named twice counts once. {edges}",
        inputs=[Tensor(names[0], "any shape", dtypes)],
        outputs=[Tensor(names[1], "the kept axes; dtype of the input")],
        args=[AXES, KEEPDIMS],
        infer=_infer,
        cost=lambda X, **args: X.size,
    )
    return Operator(schema, kernel, _gradient_maker, partial(_cases, names, dtypes, of_rows))


_ZERO = "Axes of size 0 give 0. Differs from Caffe2: float16 is taken too"
_SUM, _FLOATS = f"{_ZERO}.", f"{_ZERO}, and float64."
_EXTREME = (
    "Axes of size 0 give the {} finite number. Differs from Caffe2: float16 is taken too, and NaN anywhere gives "
    "NaN (there the order of elements decides)."
)
_NUMBERS = FLOAT | INDEX
_NAMES = ("data", "reduced")

REDUCTIONS = [
    _operator("ReduceSum", ReduceSum, _sum_of_rows, "Y = sum(X)", _SUM, _NUMBERS),
    _operator("ReduceMean", ReduceMean, _mean_of_rows, "Y = sum(X) / n", _FLOATS, FLOAT),
    _operator("ReduceL1", ReduceL1, _l1_of_rows, "Y = sum(|X|)", _FLOATS, FLOAT),
    _operator("ReduceL2", ReduceL2, _l2_of_rows, "Y = sqrt(sum(X * X))", _FLOATS, FLOAT),
    _operator(
        "ReduceMax",
        ReduceMax,
        _max_of_rows,
        "reduced = max(data)",
        _EXTREME.format("lowest"),
        _NUMBERS,
        _NAMES,
    ),
    _operator(
        "ReduceMin",
        ReduceMin,
        _min_of_rows,
        "reduced = min(data)",
        _EXTREME.format("highest"),
        _NUMBERS,
        _NAMES,
    ),
]
