"""Fixed powers: square, cube, their roots, reciprocal and reciprocal square root, with gradients."""

import numpy as np

from c2.ops.elementwise import target
from c2.ops.elementwise_table import around, between, differentiable, unary
from c2.registry.spec import NUMBER


def cube(xp, X, *, out=None):
    out = xp.multiply(X, X, out=target(xp, X, out))
    return xp.multiply(out, X, out=out)


def rsqrt(xp, X, *, out=None):
    out = xp.sqrt(X, out=target(xp, X, out))
    return xp.divide(1, out, out=out)


def sqr_gradient_maker(g):
    """Scales the incoming gradient in place, as Caffe2 does."""
    return [
        g.op("Scale", [g.GO(0)], [g.GO(0)], scale=2.0),
        g.op("Mul", [g.GO(0), g.I(0)], [g.GI(0)]),
    ]


def sqrt_gradient_maker(g):
    return [
        g.op("Scale", [g.GO(0)], [g.GI(0)], scale=0.5),
        g.op("Div", [g.GI(0), g.O(0)], [g.GI(0)]),
    ]


def cube_slope(xp, X, out):
    xp.multiply(X, X, out=out)
    return xp.multiply(out, 3, out=out)


def cube_root_slope(xp, Y, out):
    return xp.divide(1, cube_slope(xp, Y, out), out=out)


def rsqrt_slope(xp, Y, out):
    xp.multiply(Y, Y, out=out)
    xp.multiply(out, Y, out=out)
    return xp.multiply(out, -0.5, out=out)


def reciprocal_slope(xp, Y, out):
    xp.multiply(Y, Y, out=out)
    return xp.negative(out, out=out)


SQUARES = [
    unary(
        "Sqr", """Y = X^2.

        In place the gradient would read Y for X and be wrong; Caffe2 does not notice. c2 keeps its operators.
        """, "square", lambda x: np.abs(x) ** 2, between(-2, 2), inplace=True, gradient=sqr_gradient_maker,
    ),
    unary(
        "Sqrt", "Y = X^(1/2). NaN below 0; its gradient is infinite at 0.", "sqrt",
        lambda x: x**0.5, between(0.1, 9), inplace=True, gradient=sqrt_gradient_maker,
    ),
]  # fmt: skip
CUBE = differentiable(
    "Cube", "Y = X^3.", cube, lambda x: x**3, between(-2, 2), order="dY X",
    slope=cube_slope, slope_doc="dX = 3 * X^2 * dY.", expect_slope=lambda x: 3 * x * x, dtypes=NUMBER,
)  # fmt: skip
CBRT = differentiable(
    "Cbrt", "Y = X^(1/3), with the sign of X.", "cbrt",
    lambda x: np.sign(x) * np.abs(x) ** (1 / 3), around(0, 0.1, 8), order="dY Y", inplace=True,
    slope=cube_root_slope, slope_doc="dX = dY / (3 * Y^2); infinite at 0.",
    expect_slope=lambda y: np.abs(y) ** -2.0 / 3, inplace_gradient=True,
)  # fmt: skip
RSQRT = differentiable(
    "Rsqrt", "Y = 1 / sqrt(X). Infinite at 0, NaN below.", rsqrt,
    lambda x: x**-0.5, between(0.1, 9), order="dY Y", inplace=True,
    slope=rsqrt_slope, slope_doc="dX = -Y^3 / 2 * dY.",
    expect_slope=lambda y: -(y**3) / 2, inplace_gradient=True,
)  # fmt: skip
RECIPROCAL = differentiable(
    "Reciprocal", "Y = 1 / X. Infinite at 0.", "reciprocal",
    lambda x: x**-1.0, around(0, 0.2, 3), order="Y dY", inplace=True,
    slope=reciprocal_slope, slope_doc="dX = -Y^2 * dY.",
    expect_slope=lambda y: -(np.abs(y) ** 2), inplace_gradient=True,
)  # fmt: skip
