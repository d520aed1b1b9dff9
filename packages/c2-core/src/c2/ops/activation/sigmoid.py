"""Sigmoid and its gradient; the function serves other activations too."""

import numpy as np

from c2.ops.elementwise import target
from c2.ops.elementwise_table import between, differentiable


def sigmoid(xp, X, *, out=None):
    """1 / (1 + exp(-X)); where exp overflows, 1 / infinity is the right 0."""
    out = xp.negative(X, out=target(xp, X, out))
    xp.exp(out, out=out)
    xp.add(out, 1, out=out)
    return xp.divide(1, out, out=out)


def slope(xp, Y, out):
    xp.subtract(1, Y, out=out)
    return xp.multiply(out, Y, out=out)


SIGMOID = differentiable(
    "Sigmoid", "Y = 1 / (1 + exp(-X)), between 0 and 1.", sigmoid,
    lambda x: (1 + np.tanh(x / 2)) / 2, between(-6, 6), order="Y dY", inplace=True,
    slope=slope, slope_doc="dX = Y * (1 - Y) * dY.", draw_slope=between(0, 1),
    expect_slope=lambda y: y - y**2, inplace_gradient=True,
)  # fmt: skip
