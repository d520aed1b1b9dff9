"""Tanh and its gradient."""

import numpy as np

from c2.ops.elementwise_table import between, differentiable


def slope(xp, Y, out):
    xp.multiply(Y, Y, out=out)
    return xp.subtract(1, out, out=out)


TANH = differentiable(
    "Tanh", "Y = (exp(X) - exp(-X)) / (exp(X) + exp(-X)), between -1 and 1.", "tanh",
    lambda x: 1 - 2 / (np.exp(2 * x) + 1), between(-4, 4), order="Y dY", inplace=True,
    names=("input", "output"),
    slope=slope, slope_doc="dX = (1 - Y^2) * dY.", draw_slope=between(-1, 1),
    expect_slope=lambda y: (1 - y) * (1 + y), inplace_gradient=True,
)  # fmt: skip
