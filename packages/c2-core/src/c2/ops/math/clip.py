"""Clip and its gradient."""

import numpy as np

from c2.ops.elementwise import clamp
from c2.ops.elementwise_table import differentiable
from c2.registry import Arg

MIN = Arg("min", float, default=None, doc="lower bound; by default the lowest number of X's dtype")
MAX = Arg("max", float, default=None, doc="upper bound; by default the largest number of X's dtype")


def bounds(dtype, low, high):
    """Both bounds as Python floats, defaults filled in."""
    info = np.finfo(dtype)
    return float(info.min if low is None else low), float(info.max if high is None else high)


def clip(xp, X, *, min, max, out=None):
    return clamp(xp, X, *bounds(X.dtype, min, max), out)


def inside(xp, Y, out, *, min, max):
    low, high = bounds(Y.dtype, min, max)
    above = xp.greater(Y, low)
    xp.less(Y, high, out=out)
    return xp.multiply(out, above, out=out)


def off_both_bounds(rng, shape):
    """Numbers at a distance from the bounds -0.5 and 0.75 of the samples."""
    return np.asarray(rng.choice([-2.0, -0.7, -0.3, 0.0, 0.5, 0.9, 3.0], shape))


CLIP = differentiable(
    "Clip", """Y = X limited to [min, max]: min(max(X, min), max).

    Where min is above max, max wins. NaN stays NaN. Without bounds infinities become the largest finite numbers.
    """, clip, lambda x, min=-np.inf, max=np.inf: np.where(x < min, min, np.where(x > max, max, x)),
    off_both_bounds, order="Y dY", inplace=True,
    slope=inside, slope_doc="dX = dY where min < Y < max, else 0 (on the bounds too).",
    expect_slope=lambda y, min=-np.inf, max=np.inf: 1.0 * ((y - min > 0) & (max - y > 0)),
    inplace_gradient=True, args=[MIN, MAX],
    samples=[{}, {"min": -0.5, "max": 0.75}, {"min": -0.5}, {"max": 0.75}],
)  # fmt: skip
