"""Swish and its gradient."""

import numpy as np

from c2.ops.activation.sigmoid import sigmoid
from c2.ops.elementwise import alike, room, target
from c2.ops.elementwise_table import between, gradient_maker, unary
from c2.registry import Case, NoGradient, Operator, OpSchema, Tensor
from c2.registry.spec import FLOAT


def swish(xp, X, *, out=None):
    out = sigmoid(xp, X, out=target(xp, X, out))
    return xp.multiply(out, X, out=out)


def swish_gradient(xp, X, Y, dY, *, out=None):
    slope = sigmoid(xp, X, out=room(xp, out, X, dY))
    xp.subtract(slope, xp.multiply(slope, Y), out=slope)
    xp.add(slope, Y, out=slope)
    return xp.multiply(slope, dY, out=slope if out is None else out)


def gradient_cases(rng):
    for shape in ((), (0,), (2, 3)):
        X, dY = np.asarray(rng.uniform(-3, 3, shape)), np.asarray(rng.uniform(-1, 1, shape))
        e = np.exp(X)
        inputs = {"X": X, "Y": X * e / (1 + e), "dY": dY}
        yield Case(inputs, expect={"dX": dY * e * (1 + X + e) / (1 + e) ** 2})


SWISH = [
    unary(
        "Swish", """Y = X / (1 + exp(-X)). NaN where X is minus infinity.

        Source: Ramachandran, Zoph & Le, "Searching for activation functions", 2017.
        """, swish, lambda x: x * (1 + np.tanh(x / 2)) / 2, between(-4, 4),
        gradient=gradient_maker("SwishGradient", "X Y dY"),
    ),
    Operator(
        OpSchema(
            "SwishGradient",
            doc="dX = (Y + sigmoid(X) * (1 - Y)) * dY.",
            inputs=[
                Tensor("X", "input of Swish", FLOAT),
                Tensor("Y", "output of Swish", FLOAT),
                Tensor("dY", "gradient of the output", FLOAT),
            ],
            outputs=[Tensor("dX", "gradient of the input")],
            infer=alike("X", "Y", "dY"),
            inplace={"dY": "dX"},
            gradient=NoGradient.FORBIDDEN,
        ),
        swish_gradient, None, gradient_cases,
    ),
]  # fmt: skip
