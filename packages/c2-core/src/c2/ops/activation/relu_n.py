"""ReluN, a Relu with a ceiling, and its gradient."""

import numpy as np

from c2.ops.elementwise import clamp
from c2.ops.elementwise_table import differentiable
from c2.registry import Arg, require

N = Arg("n", float, default=6.0, doc="the ceiling, above 0")


def infer(X, *, n):
    require(n > 0, "n must be above 0", "n > 0", n)
    return X


def relu_n(xp, X, *, n, out=None):
    return clamp(xp, X, 0, n, out)


def slope(xp, Y, out, *, n):
    below = xp.less(Y, n)
    xp.greater(Y, 0, out=out)
    return xp.multiply(out, below, out=out)


def off_both_kinks(rng, shape):
    """Numbers away from 0, 1 and 6."""
    return np.asarray(rng.choice([-3.0, -0.5, 0.25, 0.75, 2.5, 5.5, 8.0], shape))


RELU_N = differentiable(
    "ReluN", """Y = min(max(X, 0), n). NaN stays NaN.

    Source: Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010 (n = 6).
    """, relu_n, lambda x, n=6.0: np.clip(x, 0, n), off_both_kinks, order="Y dY", inplace=True, infer=infer,
    slope=slope, slope_doc="dX = dY where 0 < Y < n, else 0 (where dY is infinite: NaN).",
    expect_slope=lambda y, n=6.0: np.where(y * (n - y) > 0, 1.0, 0.0), inplace_gradient=True,
    args=[N], samples=[{}, {"n": 1.0}],
)  # fmt: skip
