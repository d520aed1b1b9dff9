"""Abs and its gradient."""

import numpy as np

from c2.ops.elementwise_table import around, differentiable

ABS = differentiable(
    "Abs", "Y = |X|.", "absolute", lambda x: np.sqrt(x * x), around(0, 0.1, 2), order="X dY",
    slope=lambda xp, X, out: xp.sign(X, out=out),
    slope_doc="dX = sign(X) * dY; 0 where X is 0.",
    expect_slope=lambda x: x / np.abs(x),
)  # fmt: skip
