"""StopGradient, ZeroGradient and NegateGradient: values pass unchanged, gradients do not."""

import numpy as np

from c2.registry import Case, OpSchema, Tensor, cases, gradient, kernel, same_as
from c2.registry.schema import NoGradient
from c2.registry.spec import ANY, FLOAT

STOP_GRADIENT = OpSchema(
    "StopGradient",
    doc="""Y = X, and nothing flows back through it.

    Its output must be used, so that differentiating starts from there; in place is the usual way.
    """,
    inputs=[Tensor("X", "any shape", ANY)],
    outputs=[Tensor("Y", "shape and dtype of X")],
    infer=same_as("X"),
    inplace={"X": "Y"},
    gradient=NoGradient.STOPS,
)

ZERO_GRADIENT = OpSchema(
    "ZeroGradient",
    doc="""Does nothing when run; gives X a gradient of zeros, even where nothing else flows back to it.

    The zeros are made by ConstantFill(X, value=0.0).
    """,
    inputs=[Tensor("X", "any shape", ANY)],
)

NEGATE_GRADIENT = OpSchema(
    "NegateGradient",
    doc="""Y = X, and dX = -dY.

    Source: gradient reversal, Ganin & Lempitsky, "Unsupervised domain adaptation by backpropagation", 2015.
    """,
    inputs=[Tensor("X", "any shape", FLOAT)],
    outputs=[Tensor("Y", "shape and dtype of X")],
    infer=same_as("X"),
    inplace={"X": "Y"},
)


@kernel(STOP_GRADIENT, NEGATE_GRADIENT)
def pass_on(xp, X, *, out=None):
    if out is None:
        return X.copy()
    if out is not X:
        out[...] = X
    return out


@kernel(ZERO_GRADIENT)
def zero_gradient(xp, X):
    return None


@gradient(ZERO_GRADIENT)
def zero_gradient_maker(g):
    return [g.op("ConstantFill", [g.I("X")], [g.GI("X")], value=0.0)]


@gradient(NEGATE_GRADIENT)
def negate_gradient_maker(g):
    return [g.op("Negative", [g.GO("Y")], [g.GI("X")])]


@cases(STOP_GRADIENT)
def stop_gradient_cases(rng):
    for X in (
        rng.standard_normal((2, 3)),
        np.array(1.5),
        np.zeros(0),
        np.arange(3),
        np.array([True, False]),
    ):
        yield Case({"X": X}, expect={"Y": X.copy()})
    words = np.array([b"a", b"b"], object)
    yield Case({"X": words}, expect={"Y": words.copy()}, id="strings")


@cases(NEGATE_GRADIENT)
def negate_gradient_cases(rng):
    for shape in [(), (0,), (2, 3)]:
        X = rng.standard_normal(shape)
        yield Case(
            {"X": X}, expect={"Y": X.copy()}, grad=()
        )  # the quotient has the other sign, on purpose


@cases(ZERO_GRADIENT)
def zero_gradient_cases(rng):
    yield Case({"X": rng.standard_normal((2, 3))}, outputs=0, grad=())
