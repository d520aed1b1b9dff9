"""Hyperbolic sine and cosine with gradients. (Tanh is an activation.)"""

import numpy as np

from c2.ops.elementwise_table import between, differentiable

IO = ("input", "output")

SINH = differentiable(
    "Sinh", "Y = (exp(X) - exp(-X)) / 2.", "sinh",
    lambda x: (np.exp(x) - np.exp(-x)) / 2, between(-3, 3), order="dY X",
    slope=lambda xp, X, out: xp.cosh(X, out=out), slope_doc="dX = cosh(X) * dY.",
    expect_slope=lambda x: (np.exp(x) + np.exp(-x)) / 2, names=IO,
)  # fmt: skip
COSH = differentiable(
    "Cosh", "Y = (exp(X) + exp(-X)) / 2.", "cosh",
    lambda x: (np.exp(x) + np.exp(-x)) / 2, between(-3, 3), order="dY X",
    slope=lambda xp, X, out: xp.sinh(X, out=out), slope_doc="dX = sinh(X) * dY.",
    expect_slope=lambda x: (np.exp(x) - np.exp(-x)) / 2, names=IO,
)  # fmt: skip
