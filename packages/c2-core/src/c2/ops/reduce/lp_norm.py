"""LpNorm: the 1-norm, or the square of the 2-norm, of a whole tensor."""

import numpy as np

from c2.ops.rules import equal, same_dtype
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

ARGS = [
    Arg("p", int, default=2, choices=(1, 2), doc="1: sum of |X|; 2: sum of X * X"),
    Arg("average", bool, default=False, doc="divide by the number of elements"),
]


def _infer(X, *, p, average):
    require(
        X.size > 0 or not average,
        "the average of an empty X is not defined",
        "elements in X",
        X.shape,
    )
    return TensorSpec((1,), X.dtype)


LP_NORM = OpSchema(
    "LpNorm",
    doc="""Z = sum(|X|) for p = 1, Z = sum(X * X) for p = 2 (no root), divided by the size of X where `average`.

    Z has shape (1,). An empty X gives 0. Differs from Caffe2: float16 and float64 are taken too.
    """,
    inputs=[Tensor("X", "any shape", FLOAT)],
    outputs=[Tensor("Z", "(1,), dtype of X")],
    args=ARGS,
    infer=_infer,
    cost=lambda X, **args: 2 * X.size,
)


def _infer_gradient(X, dZ, *, p, average):
    same_dtype(X=X, dZ=dZ)
    equal("dZ must have the shape of Z", (1,), dZ.shape)
    return X.with_shape(X.shape)


LP_NORM_GRADIENT = OpSchema(
    "LpNormGradient",
    doc="dX = dZ * sign(X) for p = 1 and 2 * dZ * X for p = 2, divided by the size of X where `average`.",
    inputs=[Tensor("X", "input of LpNorm", FLOAT), Tensor("dZ", "(1,), dtype of X", FLOAT)],
    outputs=[Tensor("dX", "shape and dtype of X")],
    args=ARGS,
    infer=_infer_gradient,
    gradient=NoGradient.NOT_IMPLEMENTED,
)


@kernel(LP_NORM)
def lp_norm(xp, X, *, p, average, out=None):
    flat = X.reshape(-1)
    total = xp.abs(flat).sum(dtype=X.dtype) if p == 1 else xp.dot(flat, flat)
    if out is None:
        out = xp.empty((1,), X.dtype)
    out[0] = total / X.dtype.type(X.size) if average else total
    return out


@kernel(LP_NORM_GRADIENT)
def lp_norm_gradient(xp, X, dZ, *, p, average, out=None):
    scale = dZ[0] / X.dtype.type(X.size) if average else dZ[0]
    if p == 1:
        return xp.multiply(xp.sign(X), scale, out=out)
    return xp.multiply(X, 2 * scale, out=out)


@gradient(LP_NORM)
def lp_norm_gradient_maker(g):
    return [g.op("LpNormGradient", [g.I("X"), g.GO("Z")], [g.GI("X")])]


@cases(LP_NORM)
def lp_norm_cases(rng):
    for shape in [(), (1,), (2, 3)]:
        X = rng.uniform(0.1, 1, shape) * rng.choice([-1, 1], shape)  # off the kink
        for p in (1, 2):
            norm = np.linalg.norm(X.ravel(), p) ** p
            yield Case({"X": X}, {"p": p}, {"Z": [norm]})
            yield Case({"X": X}, {"p": p, "average": True}, {"Z": [norm / X.size]})
    yield Case({"X": np.ones(3)}, {}, {"Z": [3]}, id="default")
    yield Case({"X": np.zeros((0, 2))}, {"p": 1}, {"Z": [0]}, grad=(), id="empty")


@cases(LP_NORM_GRADIENT)
def lp_norm_gradient_cases(rng):
    X = np.array([[1.0, 0.0, -2.0]])
    for p, dX in [(1, [[3, 0, -3]]), (2, [[6, 0, -12]])]:
        yield Case({"X": X, "dZ": np.array([3.0])}, {"p": p}, {"dX": np.array(dX)})
        yield Case({"X": X, "dZ": np.array([9.0])}, {"p": p, "average": True}, {"dX": np.array(dX)})
