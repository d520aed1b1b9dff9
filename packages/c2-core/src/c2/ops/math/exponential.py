"""Exp, Log and Log1p with gradients."""

import numpy as np

from c2.ops.elementwise_table import between, differentiable, unary


def exp_gradient_maker(g):
    return [g.op("Mul", [g.O(0), g.GO(0)], [g.GI(0)])]


def log_gradient_maker(g):
    return [g.op("Div", [g.GO(0), g.I(0)], [g.GI(0)])]


def one_over_one_plus(xp, X, out):
    xp.add(X, 1, out=out)
    return xp.divide(1, out, out=out)


ELEMENTARY = [
    unary(
        "Exp", "Y = e^X. Overflows to infinity.", "exp",
        lambda x: np.power(np.e, x), between(-3, 3), inplace=True, gradient=exp_gradient_maker,
    ),
    unary(
        "Log", "Y = ln(X). Minus infinity at 0, NaN below.", "log",
        lambda x: np.log2(x) * np.log(2), between(0.1, 9), inplace=True, gradient=log_gradient_maker,
    ),
]  # fmt: skip
LOG1P = differentiable(
    "Log1p", "Y = ln(1 + X), exact for small X too. Minus infinity at -1, NaN below.", "log1p",
    lambda x: np.log(1 + x), between(-0.8, 5), order="X dY",
    slope=one_over_one_plus, slope_doc="dX = dY / (1 + X).",
    expect_slope=lambda x: np.exp(-np.log1p(x)), names=("input", "output"),
)  # fmt: skip
