"""MakeTwoClass: the probabilities of both outcomes from that of one, and its gradient."""

import numpy as np

from c2.ops.rules import equal
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT


def _infer_gradient(dY):
    require(dY.ndim > 0, "dY must have one axis or more", "1 or more", 0)
    equal("the last axis of dY must be 2", 2, dY.shape[-1])
    return TensorSpec(dY.shape[:-1], dY.dtype)


MAKE_TWO_CLASS = OpSchema(
    "MakeTwoClass",
    doc="Y[..., 0] = 1 - X and Y[..., 1] = X.",
    inputs=[Tensor("X", "probabilities of the second class, any shape", FLOAT)],
    outputs=[Tensor("Y", "shape of X, then 2; dtype of X")],
    infer=lambda X: TensorSpec((*X.shape, 2), X.dtype),
)

MAKE_TWO_CLASS_GRADIENT = OpSchema(
    "MakeTwoClassGradient",
    doc="dX = dY[..., 1] - dY[..., 0].",
    inputs=[Tensor("dY", "(..., 2)", FLOAT)],
    outputs=[Tensor("dX", "shape of dY without its last axis")],
    infer=_infer_gradient,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(MAKE_TWO_CLASS)
def make_two_class(xp, X, *, out=None):
    if out is None:
        out = xp.empty((*X.shape, 2), X.dtype)
    xp.subtract(1, X, out=out[..., 0])
    out[..., 1] = X
    return out


@kernel(MAKE_TWO_CLASS_GRADIENT)
def make_two_class_gradient(xp, dY, *, out=None):
    return xp.subtract(dY[..., 1], dY[..., 0], out=out)


@gradient(MAKE_TWO_CLASS)
def make_two_class_gradient_maker(g):
    return [g.op("MakeTwoClassGradient", [g.GO("Y")], [g.GI("X")])]


@cases(MAKE_TWO_CLASS)
def make_two_class_cases(rng):
    for shape in [(), (3,), (0,), (2, 3)]:
        X = rng.uniform(0, 1, shape)
        yield Case({"X": X}, expect={"Y": np.stack([1 - X, X], axis=-1)})


@cases(MAKE_TWO_CLASS_GRADIENT)
def make_two_class_gradient_cases(rng):
    for shape in [(2,), (3, 2), (0, 2), (2, 3, 2)]:
        dY = rng.standard_normal(shape)
        yield Case({"dY": dY}, expect={"dX": dY @ np.array([-1.0, 1.0])})
