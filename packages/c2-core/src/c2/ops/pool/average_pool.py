"""AveragePool, AveragePool1D, AveragePool2D, AveragePool3D and their gradients."""

from functools import partial
from math import prod

import numpy as np

from c2.ops.conv.geometry import is_channels_last
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
from c2.registry import Arg, Case, Operator

COUNT_PAD = Arg(
    "count_include_pad", bool, default=False, doc="divide by the whole window, pads included"
)

DOC = """Y[n, c, o] = mean over the taps t of X[n, c, o * stride + t - pad], over the taps inside the image.

The sum is divided by the number of taps inside the image, or with count_include_pad=1 by the size of the window.
`kernel`, `stride` and `pad` stand for all spatial axes, `kernels`, `strides` and `pads` give them one by one; pads
must be smaller than the kernel. With global_pooling=1 the window is the image. A batch of no images gives no images.
A window wholly outside the image, which legacy_pad=3 makes where the stride exceeds the kernel, gives 0.

Source: LeCun et al., "Handwritten digit recognition with a back-propagation network", 1990.

Differs from Caffe2: windows wholly outside, which read foreign memory there; float16 and float64 are taken too;
`kernel`, `stride` and `pad` serve any number of spatial axes.
"""

GRADIENT_DOC = "dX = sum over the windows of X of dY / count, count as AveragePool divides."


class _Average:
    """Windows and what their sums are multiplied by."""

    def __init__(self, xp, X, order, count_include_pad, window):
        found = pool_window(X, order, window)
        self.xp, self.windows = xp, Windows(xp, X.shape, X.dtype, found, order, 0)
        counts = [self._counts(found, axis) for axis in range(len(found.kernel))]
        if count_include_pad or all(len(set(c)) <= 1 for c in counts):
            area = prod(found.kernel) if count_include_pad else prod(c[0] for c in counts)
            self.factor = X.dtype.type(1 / max(1, area))
            return
        count = xp.ones(found.outputs, X.dtype)
        for axis, along in enumerate(counts):
            shape = [-1 if a == axis else 1 for a in range(len(counts))]
            count = count * xp.asarray(along, X.dtype).reshape(shape)
        self.factor = 1 / xp.maximum(count, 1).reshape(
            *count.shape, *(1,) * is_channels_last(order)
        )

    @staticmethod
    def _counts(window, axis):
        """Taps inside the image per output position along an axis."""
        counts = [0] * window.outputs[axis]
        for outputs, _ in window.taps(axis):
            for position in range(outputs.start, outputs.stop):
                counts[position] += 1
        return counts


class AveragePool(_Average):
    def __init__(self, xp, X, *, order, count_include_pad, **window):
        super().__init__(xp, X, order, count_include_pad, window)
        self.spec = infer_pool(X, order=order, window=window)

    def __call__(self, X, out=None):
        Y = self.xp.empty(self.spec.shape, self.spec.dtype) if out is None else out
        for x, y in self.windows.blocks(X, Y):
            if self.windows.is_whole:
                self.xp.sum(x, axis=self.windows.spatial_axes, keepdims=True, out=y)
            else:
                self.windows.reduce(self.xp.add, x, y)
            self.xp.multiply(y, self.factor, out=y)
        return Y


class AveragePoolGradient(_Average):
    def __init__(self, xp, X, Y, dY, *, order, count_include_pad, **window):
        super().__init__(xp, X, order, count_include_pad, window)
        self.spec = X

    def __call__(self, X, Y, dY, out=None):
        dX = self.xp.empty(self.spec.shape, self.spec.dtype) if out is None else out
        for dy, dx in self.windows.blocks(dY, dX):
            if self.windows.is_whole:
                self.xp.copyto(dx, dy * self.factor)
            else:
                part = self.xp.multiply(dy, self.factor, out=self.windows.scratch("dY", dy.shape))
                self.windows.spread(part, dx, self._share)
        return dX

    def _share(self, step, inputs, outputs, d, out):
        self.xp.copyto(out, d)


def _expected(X, windows, Y, area):
    """Averages with and without pads, and how many elements each window has."""
    counts = np.zeros(Y.shape[2:])
    for at, window in windows:
        counts[at[2:]] = X[window][0, 0].size
        Y[at] = X[window].sum(axis=tuple(range(2, X.ndim)))
    return Y / counts, Y / area, counts


def average_pool_cases(rng, ranks):
    for X, args, windows, Y, area in examples(rng, ranks):
        inside, whole, _ = _expected(X, windows, Y, area)
        yield Case({"X": X}, args, {"Y": inside})
        yield Case({"X": last(X)}, {**args, "order": "NHWC"}, {"Y": last(inside)})
        yield Case({"X": X}, {**args, "count_include_pad": 1}, {"Y": whole})
    yield Case({"X": X[:0]}, args, {"Y": inside[:0]})


def average_pool_gradient_cases(rng, ranks):
    for X, args, windows, Y, area in examples(rng, ranks):
        inside, whole, counts = _expected(X, windows, Y, area)
        dY = rng.standard_normal(Y.shape)
        dX, dX_whole = np.zeros(X.shape), np.zeros(X.shape)
        for at, window in windows:
            share = dY[at][(..., *(None,) * (X.ndim - 2))]
            dX[window] += share / counts[at[2:]]
            dX_whole[window] += share / area
        yield Case({"X": X, "Y": inside, "dY": dY}, args, {"dX": dX})
        inputs = {"X": last(X), "Y": last(inside), "dY": last(dY)}
        yield Case(inputs, {**args, "order": "NHWC"}, {"dX": last(dX)})
        yield Case(
            {"X": X, "Y": whole, "dY": dY}, {**args, "count_include_pad": 1}, {"dX": dX_whole}
        )


def _operators(name):
    type_, ranks, extra = f"AveragePool{name}", ranks_of(name), [COUNT_PAD]
    cases = partial(average_pool_cases, ranks=ranks)
    gradient_cases = partial(average_pool_gradient_cases, ranks=ranks)
    return [
        Operator(pool_schema(type_, DOC, extra), AveragePool, pool_gradient_maker, cases),
        Operator(
            pool_gradient_schema(type_, GRADIENT_DOC, extra),
            AveragePoolGradient,
            None,
            gradient_cases,
        ),
    ]


AVERAGE_POOLS = [operator for name in NAMES for operator in _operators(name)]
