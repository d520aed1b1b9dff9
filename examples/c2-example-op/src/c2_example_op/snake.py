"""Snake and its gradient."""

import numpy as np

from c2.registry import Arg, Case, NoGradient, OpSchema, Tensor, cases, gradient, kernel, same_as
from c2.registry.spec import FLOAT

ALPHA = Arg("alpha", float, default=1.0, minimum=1e-3, doc="frequency, unitless")
X = Tensor("X", "any shape", FLOAT)
SNAKE = OpSchema(
    "Snake", inputs=[X], outputs=[Tensor("Y", "as X")], args=[ALPHA], infer=same_as("X"),
    doc="""Y = X + sin(alpha X)^2 / alpha. NaN stays NaN; infinities give NaN.

    Source: Ziyin, Hartwig & Ueda, "Neural networks fail to learn periodic functions", 2020, eq. 3.""")  # fmt: skip
SNAKE_GRADIENT = OpSchema(
    "SnakeGradient", doc="dX = dY (1 + sin(2 alpha X)).", args=[ALPHA], infer=same_as("X"),
    inputs=[X, Tensor("dY", "as X", FLOAT)], outputs=[Tensor("dX", "as X")],
    inplace={"dY": "dX"}, gradient=NoGradient.NOT_IMPLEMENTED)  # fmt: skip


@kernel(SNAKE)
def snake(xp, X, *, alpha, out=None):
    a = X.dtype.type(alpha)
    return xp.add(X, xp.sin(a * X) ** 2 / a, out=out)


@kernel(SNAKE_GRADIENT)
def snake_gradient(xp, X, dY, *, alpha, out=None):
    return xp.multiply(dY, 1 + xp.sin(X.dtype.type(2 * alpha) * X), out=out)


@gradient(SNAKE)
def snake_gradient_maker(g):
    return [g.op("SnakeGradient", [g.I("X"), g.GO("Y")], [g.GI("X")])]


@cases(SNAKE)
def snake_cases(rng):  # expected values in another form: sin(a)^2 = (1 - cos(2a)) / 2
    for shape, a in [((), 1.0), ((0, 3), 1.0), ((2, 3, 4), 0.3), ((5,), 7.0)]:
        X = rng.uniform(-2, 2, shape)
        yield Case({"X": X}, {"alpha": a}, expect={"Y": X + (1 - np.cos(2 * a * X)) / (2 * a)})


@cases(SNAKE_GRADIENT)
def snake_gradient_cases(rng):
    X, dY = rng.uniform(-2, 2, (2, 3)), rng.uniform(-1, 1, (2, 3))
    sin_2a = 2 * np.sin(0.3 * X) * np.cos(0.3 * X)
    yield Case({"X": X, "dY": dY}, {"alpha": 0.3}, expect={"dX": dY + dY * sin_2a})
