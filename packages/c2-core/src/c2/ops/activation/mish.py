"""Mish and its gradient."""

import numpy as np

from c2.ops.activation.sigmoid import sigmoid
from c2.ops.elementwise import alike, target
from c2.ops.elementwise_table import between, gradient_maker, unary
from c2.registry import Case, NoGradient, Operator, OpSchema, Tensor
from c2.registry.spec import FLOAT


def gate(xp, X, out):
    """tanh(ln(1 + exp(X))); where exp overflows, tanh of infinity is the right 1."""
    xp.exp(X, out=out)
    xp.log1p(out, out=out)
    return xp.tanh(out, out=out)


def mish(xp, X, *, out=None):
    out = gate(xp, X, target(xp, X, out))
    return xp.multiply(out, X, out=out)


def mish_gradient(xp, X, Y, dY, *, out=None):
    out = gate(xp, X, target(xp, X, out))
    growth = sigmoid(xp, X)
    xp.multiply(growth, X, out=growth)
    xp.multiply(growth, 1 - out * out, out=growth)
    xp.add(out, growth, out=out)
    return xp.multiply(out, dY, out=out)


def expect(x):
    e = np.exp(x)
    return x * e * (e + 2) / (e * e + 2 * e + 2)


def gradient_cases(rng):
    for shape in ((), (0,), (2, 3)):
        X, dY = np.asarray(rng.uniform(-3, 3, shape)), np.asarray(rng.uniform(-1, 1, shape))
        e = np.exp(X)
        omega = 4 * (X + 1) + 4 * e**2 + e**3 + e * (4 * X + 6)
        expected = dY * e * omega / (2 * e + e**2 + 2) ** 2
        yield Case({"X": X, "Y": expect(X), "dY": dY}, expect={"dX": expected})


MISH = [
    unary(
        "Mish", """Y = X * tanh(ln(1 + exp(X))). NaN where X is minus infinity.

        Source: Misra, "Mish: a self regularized non-monotonic activation function", 2019.
        """, mish, expect, between(-4, 4), gradient=gradient_maker("MishGradient", "X Y dY"),
    ),
    Operator(
        OpSchema(
            "MishGradient",
            doc="dX = (t + X * sigmoid(X) * (1 - t^2)) * dY with t = tanh(ln(1 + exp(X))). Y is not read.",
            inputs=[
                Tensor("X", "input of Mish", FLOAT),
                Tensor("Y", "output of Mish", FLOAT),
                Tensor("dY", "gradient of the output", FLOAT),
            ],
            outputs=[Tensor("dX", "gradient of the input")],
            infer=alike("X", "Y", "dY"),
            gradient=NoGradient.FORBIDDEN,
        ),
        mish_gradient, None, gradient_cases,
    ),
]  # fmt: skip
