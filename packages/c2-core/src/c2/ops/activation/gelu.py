"""Gelu, exact and fast, and its gradient."""

import math

import numpy as np

from c2.ops.activation.sigmoid import sigmoid
from c2.ops.elementwise import target
from c2.ops.elementwise_table import between, differentiable
from c2.ops.math.erf import artanh_erf
from c2.ops.results import stored
from c2.registry import Arg

FAST = Arg("fast_gelu", bool, default=False, doc="the approximation by tanh")
ROOT_2_OVER_PI = math.sqrt(2 / math.pi)
CUBIC = 0.044715


def gelu(xp, X, *, fast_gelu, out=None):
    if X.dtype == np.float16:  # 11 bits do not carry the polynomials
        return stored(
            xp, gelu(xp, X.astype(np.float32), fast_gelu=fast_gelu).astype(np.float16), out
        )
    out = probability(xp, X, target(xp, X, out), fast_gelu)
    return xp.multiply(out, X, out=out)


def probability(xp, X, out, fast):
    """P(N <= X) of the normal distribution: (1 + tanh(u)) / 2 without its cancellation, 1 / (1 + exp(-2 u))."""
    if fast:
        cubic(xp, X, out)
    else:
        xp.multiply(X, math.sqrt(0.5), out=out)
        artanh_erf(xp, out, out)
    xp.multiply(out, 2, out=out)
    return sigmoid(xp, out, out=out)


def cubic(xp, X, out):
    """sqrt(2 / pi) * (X + 0.044715 * X^3)"""
    xp.multiply(X, X, out=out)
    xp.multiply(out, CUBIC, out=out)
    xp.add(out, 1, out=out)
    xp.multiply(out, X, out=out)
    return xp.multiply(out, ROOT_2_OVER_PI, out=out)


def slope(xp, X, out, *, fast_gelu):
    """P(N <= X) + X * its derivative."""
    if X.dtype == np.float16:
        wide = X.astype(np.float32)
        return stored(
            xp, slope(xp, wide, xp.empty_like(wide), fast_gelu=fast_gelu).astype(np.float16), out
        )
    probability(xp, X, out, fast_gelu)
    density = fast_density(xp, X, out) if fast_gelu else normal_density(xp, X)
    xp.multiply(density, X, out=density)
    return xp.add(out, density, out=out)


def normal_density(xp, X):
    out = xp.multiply(X, X, out=xp.empty_like(X))
    xp.multiply(out, -0.5, out=out)
    xp.exp(out, out=out)
    return xp.multiply(out, 1 / math.sqrt(2 * math.pi), out=out)


def fast_density(xp, X, P):
    """2 * P * (1 - P) * the derivative of `cubic`."""
    out = xp.multiply(X, X, out=xp.empty_like(X))
    xp.multiply(out, 3 * CUBIC, out=out)
    xp.add(out, 1, out=out)
    xp.multiply(out, 2 * ROOT_2_OVER_PI, out=out)
    xp.multiply(out, P, out=out)
    return xp.subtract(out, xp.multiply(out, P), out=out)


def expect(x, fast_gelu=False):
    if fast_gelu:
        return x - x / (1 + np.exp(2 * ROOT_2_OVER_PI * (x + CUBIC * x**3)))
    return np.vectorize(lambda v: v * math.erfc(-v / math.sqrt(2)) / 2, otypes=[float])(x)


def expect_slope(x, fast_gelu=False):
    """The five-point difference quotient of `expect`."""
    h = 1e-3
    f = [expect(x + k * h, fast_gelu) for k in (-2, -1, 1, 2)]
    return (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h)


GELU = differentiable(
    "Gelu", """Y = X * P(N <= X) for a standard normal N, or X / 2 * (1 + tanh(sqrt(2/pi) * (X + 0.044715 * X^3))).

    NaN where X is minus infinity.

    Source: Hendrycks & Gimpel, "Gaussian error linear units", 2016.
    """, gelu, expect, between(-4, 4), order="dY X",
    slope=slope, slope_doc="dX = (P(N <= X) + X * p(X)) * dY, with p the density of N.",
    expect_slope=expect_slope, args=[FAST], samples=[{}, {"fast_gelu": 1}],
)  # fmt: skip
