"""ThresholdedRelu and its gradient."""

import numpy as np

from c2.ops.elementwise import target
from c2.ops.elementwise_table import differentiable
from c2.registry import Arg

ALPHA = Arg("alpha", float, default=1.0, doc="the threshold")


def thresholded_relu(xp, X, *, alpha, out=None):
    """max(X, alpha), which is finite below the threshold, times 0 there."""
    above = xp.greater(X, alpha)
    out = xp.maximum(X, alpha, out=target(xp, X, out))
    return xp.multiply(out, above, out=out)


def off_the_jumps(rng, shape):
    """Numbers away from 0 and the thresholds of the samples."""
    return np.asarray(rng.choice([-3.0, -0.5, 0.25, 0.75, 2.5, 5.5], shape))


THRESHOLDED_RELU = differentiable(
    "ThresholdedRelu", """Y = X where X > alpha, else 0. It jumps at alpha.

    Source: Konda, Memisevic & Krueger, "Zero-bias autoencoders and the benefits of co-adapting features", 2014.

    Differs from Caffe2: NaN stays NaN.
    """, thresholded_relu, lambda x, alpha=1.0: np.where(x > alpha, x, 0.0), off_the_jumps, order="Y dY",
    inplace=True,
    slope=lambda xp, Y, out, alpha: xp.not_equal(Y, 0, out=out),
    slope_doc="""dX = dY where Y is not 0, else 0.

    Differs from Caffe2: where alpha < Y < 0 Caffe2 gives -dY.
    """, expect_slope=lambda y, alpha=1.0: np.abs(np.sign(y)), inplace_gradient=True,
    args=[ALPHA], samples=[{}, {"alpha": 0.5}, {"alpha": -1.0}],
)  # fmt: skip
