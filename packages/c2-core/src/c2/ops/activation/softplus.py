"""Softplus and its gradient."""

import numpy as np

from c2.ops.elementwise import target
from c2.ops.elementwise_table import between, differentiable


def softplus(xp, X, *, out=None):
    """max(X, 0) + ln(1 + exp(-|X|)): nothing overflows, nothing cancels."""
    above = xp.maximum(X, 0)
    out = xp.absolute(X, out=target(xp, X, out))
    xp.negative(out, out=out)
    xp.exp(out, out=out)
    xp.log1p(out, out=out)
    return xp.add(out, above, out=out)


def slope(xp, Y, out):
    xp.negative(Y, out=out)
    xp.expm1(out, out=out)
    return xp.negative(out, out=out)


SOFTPLUS = differentiable(
    "Softplus", """Y = ln(1 + exp(X)).

    Source: Dugas et al., "Incorporating second-order functional knowledge for better option pricing", 2000.

    Differs from Caffe2: X above 88 gives X, not infinity, and X below -17 gives exp(X), not 0.
    """, softplus, lambda x: np.log(1 + np.exp(x)), between(-6, 6), order="Y dY", inplace=True,
    slope=slope, slope_doc="dX = (1 - exp(-Y)) * dY.", draw_slope=between(0.01, 6),
    expect_slope=lambda y: 1 - 1 / np.exp(y), inplace_gradient=True,
)  # fmt: skip
