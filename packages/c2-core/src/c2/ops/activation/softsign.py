"""Softsign and its gradient."""

import numpy as np

from c2.ops.elementwise import room
from c2.ops.elementwise_table import around, differentiable


def softsign(xp, X, *, out=None):
    divisor = xp.absolute(X, out=room(xp, out, X, X))
    xp.add(divisor, 1, out=divisor)
    return xp.divide(X, divisor, out=divisor if out is None else out)


def slope(xp, X, out):
    xp.absolute(X, out=out)
    xp.add(out, 1, out=out)
    xp.multiply(out, out, out=out)
    return xp.divide(1, out, out=out)


SOFTSIGN = differentiable(
    "Softsign", """Y = X / (1 + |X|), between -1 and 1. NaN where X is infinite.

    The gradient reads X, so it does not exist where the operator ran in place.

    Source: Bergstra, Desjardins, Lamblin & Bengio, "Quadratic polynomials learn better image features", 2009.
    """, softsign, lambda x: np.sign(x) * (1 - 1 / (1 + np.abs(x))), around(0, 0.1, 4), order="X dY",
    names=("input", "output"), inplace=True,
    slope=slope, slope_doc="dX = dY / (1 + |X|)^2.",
    expect_slope=lambda x: (1 + np.abs(x)) ** -2.0, inplace_gradient=True,
)  # fmt: skip
