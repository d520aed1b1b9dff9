"""MaxPool, MaxPool1D, MaxPool2D, MaxPool3D and their gradients."""

from functools import partial

import numpy as np

from c2.ops.pool.pool import (
    NAMES,
    examples,
    infer_pool,
    last,
    pool_gradient_maker,
    pool_gradient_schema,
    pool_schema,
    pool_window,
    ranks_of,
)
from c2.ops.pool.windows import Windows
from c2.registry import Case, Operator

DOC = """Y[n, c, o] = max over the taps t of X[n, c, o * stride + t - pad], over the taps inside the image.

`kernel`, `stride` and `pad` stand for all spatial axes, `kernels`, `strides` and `pads` give them one by one; pads
must be smaller than the kernel. With global_pooling=1 the window is the image. A batch of no images gives no
images. A window that holds NaN gives NaN; one wholly outside the image, which legacy_pad=3 makes where the stride
exceeds the kernel, gives -inf.

Source: Ranzato et al., "Unsupervised learning of invariant feature hierarchies", 2007.

Differs from Caffe2: NaN, which Caffe2 keeps or drops depending on where in the window it stands; float16 and
float64 are taken too; `kernel`, `stride` and `pad` serve any number of spatial axes.
"""

GRADIENT_DOC = """dX = sum over the windows of X of dY where X equals Y.

Every element that equals the maximum of its window gets the gradient.
"""


class MaxPool:
    def __init__(self, xp, X, *, order, **window):
        self.xp, self.spec = xp, infer_pool(X, order=order, window=window)
        found = pool_window(X, order, window)
        self.windows = Windows(xp, X.shape, X.dtype, found, order, -np.inf)

    def __call__(self, X, out=None):
        Y = self.xp.empty(self.spec.shape, self.spec.dtype) if out is None else out
        for x, y in self.windows.blocks(X, Y):
            if self.windows.is_whole:
                self.xp.max(x, axis=self.windows.spatial_axes, keepdims=True, out=y)
            else:
                self.windows.reduce(self.xp.maximum, x, y)
        return Y


class MaxPoolGradient:
    """Passes the gradient back axis by axis to what equals the maximum; the stages are computed again."""

    def __init__(self, xp, X, Y, dY, *, order, **window):
        self.xp, self.spec = xp, X
        self.windows = Windows(xp, X.shape, X.dtype, pool_window(X, order, window), order, -np.inf)

    def __call__(self, X, Y, dY, out=None):
        dX = self.xp.empty(self.spec.shape, self.spec.dtype) if out is None else out
        for x, y, dy, dx in self.windows.blocks(X, Y, dY, dX):
            if self.windows.is_whole:
                self.xp.multiply(dy, self.xp.equal(x, y), out=dx)
            else:
                stages = [*self.windows.stages(self.xp.maximum, x), y]
                self.windows.spread(dy, dx, partial(self._share, stages))
        return dX

    def _share(self, stages, step, inputs, outputs, d, out):
        is_maximum = self.windows.scratch("mask", d.shape, bool)
        self.xp.equal(stages[step][inputs], stages[step + 1][outputs], out=is_maximum)
        self.xp.multiply(d, is_maximum, out=out)


def max_pool_cases(rng, ranks):
    for X, args, windows, Y, _ in examples(rng, ranks):
        for at, window in windows:
            Y[at] = X[window].max(axis=tuple(range(2, X.ndim)))
        yield Case({"X": X}, args, {"Y": Y})
        yield Case({"X": last(X)}, {**args, "order": "NHWC"}, {"Y": last(Y)})
    yield Case({"X": X[:0]}, args, {"Y": Y[:0]})
    X = X.copy()  # the cases above hold X itself
    X[:, :, -1] = np.nan
    nan = np.full((2, 3, *(1,) * (X.ndim - 2)), np.nan)
    yield Case({"X": X}, {"global_pooling": 1}, {"Y": nan}, grad=())


def max_pool_gradient_cases(rng, ranks):
    for X, args, windows, Y, _ in examples(rng, ranks):
        X = np.floor(X / 4)  # ties
        dY, dX = rng.standard_normal(Y.shape), np.zeros(X.shape)
        for at, window in windows:
            Y[at] = X[window].max(axis=tuple(range(2, X.ndim)))
            spread = (..., *(None,) * (X.ndim - 2))
            dX[window] += dY[at][spread] * (X[window] == Y[at][spread])
        yield Case({"X": X, "Y": Y, "dY": dY}, args, {"dX": dX})
        inputs = {"X": last(X), "Y": last(Y), "dY": last(dY)}
        yield Case(inputs, {**args, "order": "NHWC"}, {"dX": last(dX)})
    yield Case({"X": X[:0], "Y": Y[:0], "dY": dY[:0]}, args, {"dX": dX[:0]})


def _operators(name):
    type_, ranks = f"MaxPool{name}", ranks_of(name)
    cases, gradient_cases = (
        partial(max_pool_cases, ranks=ranks),
        partial(max_pool_gradient_cases, ranks=ranks),
    )
    return [
        Operator(pool_schema(type_, DOC), MaxPool, pool_gradient_maker, cases),
        Operator(pool_gradient_schema(type_, GRADIENT_DOC), MaxPoolGradient, None, gradient_cases),
    ]


MAX_POOLS = [operator for name in NAMES for operator in _operators(name)]
