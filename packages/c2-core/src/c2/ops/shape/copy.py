"""Copy and its kin, and Alias, which copies nothing."""

import numpy as np

from c2.autodiff.maker import GradientSlice
from c2.ops.results import stored
from c2.registry import Case, Operator, OpSchema, Tensor, require, same_as
from c2.registry.schema import NoGradient

_ANY_X = Tensor("input", "any shape and dtype")
_Y = Tensor("output", "shape and dtype of input")


def copy(xp, X, *, out=None):
    return stored(xp, X, out)


def copy_like(xp, X, dst, *, out=None):
    return stored(xp, X, out)


def alias(xp, X):
    return X


def _copy_maker(g):
    return [g.op("CopyOnDeviceLike", [g.GO("output"), g.I("input")], [g.GI("input")])]


def _back_by(type_):
    """The gradient of a copy to another device: a copy back."""

    def maker(g):
        return [g.op(type_, [g.GO("output")], [g.GI("input")])]

    return maker


def _pass_on(g):
    g.set_dense("input", g.GO("output"))
    return []


def _ensure_dense_maker(g):
    sparse = g.g_output[0]
    if not isinstance(sparse, GradientSlice):
        return _pass_on(g)
    inputs = [sparse.indices, sparse.values, g.I("input")]
    return [g.op("SparseToDense", inputs, [g.GI("input")])]


def _cases(rng):
    for X in [
        rng.uniform(-1, 1, (2, 3)),
        rng.integers(0, 9, (4,)).astype(np.uint8),
        np.array([[True, False]]),
        np.array([b"a", b"bc"], object),
        np.zeros((0, 2)),
    ]:
        yield Case({"input": X}, {}, {"output": np.array(X.tolist(), X.dtype).reshape(X.shape)})


def _scalar_too(rng):
    yield from _cases(rng)
    yield Case({"input": np.array(2.5)}, {}, {"output": 2.5}, id="0-d")


def _like_cases(rng):
    for case in _scalar_too(rng):
        yield Case({**case.inputs, "dst": np.zeros(3)}, {}, case.expect)


def _infer_dense(X):
    require(X.ndim >= 1, "input must have one axis or more", "1 or more axes", X.shape)
    return X.with_shape(X.shape)


def _schema(type_, doc, extra=(), **answers):
    answers = {"infer": same_as("input"), "cost": lambda *specs: 0, **answers}
    return OpSchema(type_, doc=doc, inputs=[_ANY_X, *extra], outputs=[_Y], **answers)


_TO = "output = input, copied to {}. On one device it is a plain copy."

COPIES = [
    Operator(_schema("Copy", _TO.format("this operator's device")), copy, _copy_maker, _scalar_too),
    Operator(
        _schema(
            "CopyOnDeviceLike",
            _TO.format("the device of dst"),
            [Tensor("dst", "tells the device; its content is not read")],
            gradient=NoGradient.FORBIDDEN,
        ),
        copy_like,
        cases=_like_cases,
    ),
    Operator(
        _schema(
            "CopyFromCPUInput", _TO.format("this operator's device"), gradient=NoGradient.FORBIDDEN
        ),
        copy,
        cases=_scalar_too,
    ),
    Operator(
        _schema("CopyCPUToGPU", _TO.format("this operator's device")),
        copy,
        _back_by("CopyGPUToCPU"),
        _scalar_too,
    ),
    Operator(
        _schema("CopyGPUToCPU", _TO.format("the CPU")),
        copy,
        _back_by("CopyCPUToGPU"),
        _scalar_too,
    ),
    Operator(
        _schema("EnsureCPUOutput", _TO.format("the CPU"), gradient=NoGradient.STOPS),
        copy,
        cases=_scalar_too,
    ),
    Operator(
        _schema(
            "EnsureDense",
            "output = input. A sparse gradient of output becomes a dense one of input.",
            infer=_infer_dense,
            inplace={"input": "output"},
        ),
        copy,
        _ensure_dense_maker,
        _cases,
    ),
    Operator(
        _schema(
            "Alias",
            "output is input under another name: both share one memory, nothing is copied.",
            shares=True,
        ),
        alias,
        _pass_on,
        _scalar_too,
    ),
]
