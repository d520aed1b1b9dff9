"""Selu and its gradient."""

import numpy as np

from c2.ops.activation.elu import elu
from c2.ops.elementwise_table import around, differentiable
from c2.registry import Arg, require

ALPHA = Arg(
    "alpha", float, default=1.6732632423543772, doc="minus the limit of Y / scale, unitless"
)
SCALE = Arg("scale", float, default=1.0507009873554805, doc="slope above zero, above 1, unitless")


def infer(X, *, alpha, scale):
    require(
        scale > 1, "scale must be above 1, or layers cannot keep their variance", "scale > 1", scale
    )
    return X


def selu(xp, X, *, alpha, scale, out=None):
    out = elu(xp, X, alpha=alpha, out=out if out is not None else xp.empty_like(X))
    return xp.multiply(out, scale, out=out)


def slope(xp, Y, out, *, alpha, scale):
    """min(Y, 0) + alpha * scale, and the rest to scale where Y > 0."""
    rest = xp.greater(Y, 0, out=xp.empty_like(Y))
    xp.multiply(rest, scale - alpha * scale, out=rest)
    xp.minimum(Y, 0, out=out)
    xp.add(out, alpha * scale, out=out)
    return xp.add(out, rest, out=out)


def expect(x, alpha=ALPHA.default, scale=SCALE.default):
    return np.where(x < 0, scale * alpha * (np.exp(x) - 1), scale * x)


def expect_slope(y, alpha=ALPHA.default, scale=SCALE.default):
    return np.where(y < 0, y + scale * alpha, scale)


SELU = differentiable(
    "Selu", """Y = scale * X where X > 0, else scale * alpha * (exp(X) - 1).

    Source: Klambauer, Unterthiner, Mayr & Hochreiter, "Self-normalizing neural networks", 2017.
    """, selu, expect, around(0, 0.1, 3), order="Y dY", inplace=True, infer=infer,
    slope=slope, slope_doc="dX = scale * dY where Y > 0, else (Y + alpha * scale) * dY.",
    draw_slope=around(0, 0.1, 0.4), expect_slope=expect_slope, inplace_gradient=True,
    args=[ALPHA, SCALE], samples=[{}, {"alpha": 0.5, "scale": 2.0}],
)  # fmt: skip
