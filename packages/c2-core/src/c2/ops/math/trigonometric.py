"""Sine, cosine, tangent and their inverses, with gradients. Angles are in radians."""

import numpy as np

from c2.ops.elementwise_table import between, differentiable

IO = ("input", "output")


def negative_sine(xp, X, out):
    return xp.negative(xp.sin(X, out=out), out=out)


def one_plus_tangent_squared(xp, X, out):
    xp.tan(X, out=out)
    xp.multiply(out, out, out=out)
    return xp.add(out, 1, out=out)


def arcsine_slope(xp, X, out):
    xp.multiply(X, X, out=out)
    xp.subtract(1, out, out=out)
    xp.sqrt(out, out=out)
    return xp.divide(1, out, out=out)


def arccosine_slope(xp, X, out):
    return xp.negative(arcsine_slope(xp, X, out), out=out)


def arctangent_slope(xp, X, out):
    xp.multiply(X, X, out=out)
    xp.add(out, 1, out=out)
    return xp.divide(1, out, out=out)


SIN = differentiable(
    "Sin", "Y = sin(X), X in radians. NaN where X is infinite.", "sin",
    lambda x: np.exp(1j * x).imag, between(-4, 4), order="X dY",
    slope=lambda xp, X, out: xp.cos(X, out=out), slope_doc="dX = cos(X) * dY.",
    expect_slope=lambda x: np.exp(1j * x).real,
)  # fmt: skip
COS = differentiable(
    "Cos", "Y = cos(X), X in radians. NaN where X is infinite.", "cos",
    lambda x: np.exp(1j * x).real, between(-4, 4), order="X dY",
    slope=negative_sine, slope_doc="dX = -sin(X) * dY.",
    expect_slope=lambda x: -np.exp(1j * x).imag,
)  # fmt: skip
TAN = differentiable(
    "Tan", "Y = tan(X), X in radians. NaN where X is infinite.", "tan",
    lambda x: np.sin(x) / np.cos(x), between(-1.2, 1.2), order="X dY",
    slope=one_plus_tangent_squared, slope_doc="dX = dY / cos(X)^2.",
    expect_slope=lambda x: 1 / np.cos(x) ** 2, names=IO,
)  # fmt: skip
ASIN = differentiable(
    "Asin", "Y = arcsin(X), in [-pi/2, pi/2]. NaN outside [-1, 1].", "arcsin",
    lambda x: np.arctan2(x, np.sqrt(1 - x * x)), between(-0.9, 0.9), order="X dY",
    slope=arcsine_slope, slope_doc="dX = dY / sqrt(1 - X^2); infinite where |X| is 1.",
    expect_slope=lambda x: (1 - x**2) ** -0.5, names=IO,
)  # fmt: skip
ACOS = differentiable(
    "Acos", "Y = arccos(X), in [0, pi]. NaN outside [-1, 1].", "arccos",
    lambda x: np.arctan2(np.sqrt(1 - x * x), x), between(-0.9, 0.9), order="X dY",
    slope=arccosine_slope, slope_doc="dX = -dY / sqrt(1 - X^2); infinite where |X| is 1.",
    expect_slope=lambda x: -((1 - x**2) ** -0.5), names=IO,
)  # fmt: skip
ATAN = differentiable(
    "Atan", "Y = arctan(X), in (-pi/2, pi/2).", "arctan",
    lambda x: np.log((1 + 1j * x) / (1 - 1j * x)).imag / 2, between(-4, 4), order="X dY",
    slope=arctangent_slope, slope_doc="dX = dY / (1 + X^2).",
    expect_slope=lambda x: np.cos(np.arctan(x)) ** 2, names=IO,
)  # fmt: skip
