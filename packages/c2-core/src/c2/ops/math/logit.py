"""Logit, the inverse of Sigmoid, and its gradient."""

import numpy as np

from c2.ops.elementwise import clamp
from c2.ops.elementwise_table import between, differentiable
from c2.registry import Arg, require

EPS = Arg("eps", float, default=1e-6, doc="X is clamped to [eps, 1 - eps]; below 0.5", minimum=0.0)


def infer(X, *, eps):
    require(
        eps < 0.5, "eps must be below 0.5, or nothing is left of [eps, 1 - eps]", "eps < 0.5", eps
    )
    return X


def logit(xp, X, *, eps, out=None):
    out = clamp(xp, X, eps, 1 - eps, out)
    xp.divide(out, 1 - out, out=out)
    return xp.log(out, out=out)


def logit_slope(xp, X, out, *, eps):
    inside = xp.logical_and(xp.greater_equal(X, eps), xp.less_equal(X, 1 - eps))
    xp.subtract(1, X, out=out)
    xp.multiply(out, X, out=out)
    return xp.divide(inside, out, out=out)


LOGIT = differentiable(
    "Logit", """Y = ln(x / (1 - x)) with x = X clamped to [eps, 1 - eps]. NaN stays NaN.
    """, logit, lambda x, eps=1e-6: np.log(np.clip(x, eps, 1 - eps)) - np.log1p(-np.clip(x, eps, 1 - eps)),
    between(0.21, 0.79), order="X dY", inplace=True,
    slope=logit_slope, slope_doc="dX = dY / (X * (1 - X)) inside [eps, 1 - eps], 0 outside.",
    expect_slope=lambda x, eps=1e-6: np.where(abs(x - 0.5) > 0.5 - eps, 0, 1 / x + 1 / (1 - x)),
    args=[EPS], infer=infer, samples=[{}, {"eps": 0.3}],
)  # fmt: skip
