"""Elu and its gradient."""

import numpy as np

from c2.ops.elementwise import target
from c2.ops.elementwise_table import around, differentiable
from c2.registry import Arg

ALPHA = Arg("alpha", float, default=1.0, doc="minus the limit at minus infinity, unitless")


def elu(xp, X, *, alpha, out=None):
    """max(X, 0) + alpha * (exp(min(X, 0)) - 1)"""
    above = xp.maximum(X, 0)
    out = xp.minimum(X, 0, out=target(xp, X, out))
    xp.expm1(out, out=out)
    xp.multiply(out, alpha, out=out)
    return xp.add(out, above, out=out)


def slope(xp, Y, out, *, alpha):
    """min(Y, 0) + alpha, and the rest to 1 where Y >= 0."""
    rest = xp.greater_equal(Y, 0, out=xp.empty_like(Y))
    xp.multiply(rest, 1 - alpha, out=rest)
    xp.minimum(Y, 0, out=out)
    xp.add(out, alpha, out=out)
    return xp.add(out, rest, out=out)


ELU = differentiable(
    "Elu", """Y = X where X >= 0, else alpha * (exp(X) - 1).

    Source: Clevert, Unterthiner & Hochreiter, "Fast and accurate deep network learning by exponential linear units",
    2015.
    """, elu, lambda x, alpha=1.0: np.where(x < 0, alpha * np.exp(x) - alpha, x), around(0, 0.1, 3),
    order="Y dY", inplace=True,
    slope=slope, slope_doc="dX = dY where Y >= 0, else (Y + alpha) * dY.", draw_slope=around(0, 0.1, 0.4),
    expect_slope=lambda y, alpha=1.0: np.where(y < 0, y + alpha, 1), inplace_gradient=True,
    args=[ALPHA], samples=[{}, {"alpha": 0.5}, {"alpha": 2.0}],
)  # fmt: skip
