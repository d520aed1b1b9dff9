"""LpPool and its gradient."""

import numpy as np

from c2.ops.pool.pool import (
    examples,
    infer_pool,
    last,
    pool_gradient_maker,
    pool_gradient_schema,
    pool_schema,
    pool_window,
)
from c2.ops.pool.windows import Windows
from c2.registry import Arg, Case, cases, gradient, kernel

P = Arg("p", float, default=2.0, doc="exponent of the norm, unitless")

LP_POOL = pool_schema(
    "LpPool",
    """Y[n, c, o] = (sum over the taps t of |X[n, c, o * stride + t - pad]| ^ p) ^ (1 / p): the p-norm of each window.

    `kernel`, `stride` and `pad` stand for all spatial axes, `kernels`, `strides` and `pads` give them one by one;
    elements outside the image count as zero. A batch of no images gives no images.

    Source: Sermanet, Chintala & LeCun, "Convolutional neural networks applied to house numbers", 2012.
    """,
    [P],
)

LP_POOL_GRADIENT = pool_gradient_schema(
    "LpPool",
    "dX = X * |X| ^ (p - 2) * sum over the windows of X of dY * Y ^ (1 - p). A window of zeros gives NaN.",
    [P],
)


@kernel(LP_POOL)
class LpPool:
    def __init__(self, xp, X, *, order, p, **window):
        self.xp, self.p = xp, X.dtype.type(p)
        self.spec = infer_pool(X, order=order, window=window)
        self.windows = Windows(xp, X.shape, X.dtype, pool_window(X, order, window), order, 0)

    def __call__(self, X, out=None):
        Y = self.xp.empty(self.spec.shape, self.spec.dtype) if out is None else out
        for x, y in self.windows.blocks(X, Y):
            self.windows.reduce(self.xp.add, self.xp.power(self.xp.abs(x), self.p), y)
            self.xp.power(y, 1 / self.p, out=y)
        return Y


@kernel(LP_POOL_GRADIENT)
class LpPoolGradient:
    def __init__(self, xp, X, Y, dY, *, order, p, **window):
        self.xp, self.p, self.spec = xp, X.dtype.type(p), X
        self.windows = Windows(xp, X.shape, X.dtype, pool_window(X, order, window), order, 0)

    def __call__(self, X, Y, dY, out=None):
        xp, dX = self.xp, self.xp.empty(self.spec.shape, self.spec.dtype) if out is None else out
        for x, y, dy, dx in self.windows.blocks(X, Y, dY, dX):
            self.windows.spread(dy * xp.power(y, 1 - self.p), dx, self._share)
            xp.multiply(dx, x * xp.power(xp.abs(x), self.p - 2), out=dx)
        return dX

    def _share(self, step, inputs, outputs, d, out):
        self.xp.copyto(out, d)


@gradient(LP_POOL)
def lp_pool_gradient_maker(g):
    return pool_gradient_maker(g)


@cases(LP_POOL)
def lp_pool_cases(rng):
    for X, args, windows, Y, _ in examples(rng, (1, 2)):
        X = X + 0.01 * (X == 0)  # off the kink
        for p in (2.0, 3.0):
            for at, window in windows:
                Y[at] = np.linalg.norm(X[window].reshape(*X.shape[:2], -1), p, axis=-1)
            yield Case({"X": X}, {**args, "p": p}, {"Y": Y.copy()})
        yield Case({"X": last(X)}, {**args, "p": p, "order": "NHWC"}, {"Y": last(Y)})


@cases(LP_POOL_GRADIENT)
def lp_pool_gradient_cases(rng):
    for X, args, windows, Y, _ in examples(rng, (2,)):
        X, dX, dY = X + 0.01 * (X == 0), np.zeros(X.shape), rng.standard_normal(Y.shape)
        for at, window in windows:
            norm = np.sqrt((X[window] ** 2).sum((2, 3)))
            Y[at] = norm
            dX[window] += X[window] * (dY[at] / norm)[..., None, None]
        yield Case({"X": X, "Y": Y, "dY": dY}, args, {"dX": dX})
        inputs = {"X": last(X), "Y": last(Y), "dY": last(dY)}
        yield Case(inputs, {**args, "p": 2.0, "order": "NHWC"}, {"dX": last(dX)})
