"""HardSigmoid and its gradient."""

import numpy as np

from c2.ops.elementwise import clamp, target
from c2.ops.elementwise_table import differentiable
from c2.registry import Arg

ALPHA = Arg("alpha", float, default=0.2, doc="slope, unitless")
BETA = Arg("beta", float, default=0.5, doc="value at 0, unitless")


def hard_sigmoid(xp, X, *, alpha, beta, out=None):
    out = xp.multiply(X, alpha, out=target(xp, X, out))
    xp.add(out, beta, out=out)
    return clamp(xp, out, 0, 1, out)


def slope(xp, Y, out, *, alpha, beta):
    below = xp.less(Y, 1)
    xp.greater(Y, 0, out=out)
    xp.multiply(out, below, out=out)
    return xp.multiply(out, alpha, out=out)


def off_the_kinks(rng, shape):
    """Numbers of all three pieces for the arguments of the samples."""
    return np.asarray(rng.choice([-4.0, -1.0, -0.5, 0.3, 0.9, 1.2, 4.0], shape))


HARD_SIGMOID = differentiable(
    "HardSigmoid", """Y = alpha * X + beta, limited to [0, 1]. NaN stays NaN.

    Source: Courbariaux, Bengio & David, "BinaryConnect", 2015.
    """, hard_sigmoid, lambda x, alpha=0.2, beta=0.5: np.clip(alpha * x + beta, 0, 1), off_the_kinks,
    order="Y dY", inplace=True,
    slope=slope, slope_doc="dX = alpha * dY where 0 < Y < 1, else 0.",
    expect_slope=lambda y, alpha=0.2, beta=0.5: np.where(np.abs(y - 0.5) < 0.5, alpha, 0), inplace_gradient=True,
    args=[ALPHA, BETA], samples=[{}, {"alpha": 0.5, "beta": 0.1}],
)  # fmt: skip
