"""MaxPool's gradient in CUDA C: as in Caffe2, and unlike cuDNN's, equal elements of a window all get its gradient."""

from __future__ import annotations

from math import prod

import numpy as np

from c2.ops.conv.geometry import channel_axis, is_channels_last
from c2.ops.pool.pool import NAMES, pool_window
from c2.registry import kernel
from c2_cuda.cuda_source import TYPES, start

MOST = 2**31 - 1


def takes(X, Y, dY, *, order, **window):
    """None, or why the portable kernel serves."""
    if X.dtype.name not in TYPES:
        return f"CUDA C of pools is for {', '.join(TYPES)}, not {X.dtype}"
    if not 0 < X.size <= MOST:
        return f"{X.size} elements: CUDA C of pools counts from 1 to {MOST}"
    if X.ndim > 5:
        return f"CUDA C of pools has at most 3 spatial axes, got {X.ndim - 2}"
    return None


@kernel(*(f"MaxPool{n}Gradient" for n in NAMES), device="CUDA", supports=takes)
class MaxPoolGradient:
    def __init__(self, xp, X, Y, dY, *, order, **window):
        self.xp, self.dtype = xp, X.dtype
        self.numbers = numbers(X.shape, order, pool_window(X, order, window))

    def __call__(self, X, Y, dY, out=None):
        dX = self.xp.empty(X.shape, X.dtype) if out is None else out
        start(
            "max_pool", "max_pool_gradient", self.dtype, prod(X.shape), X, Y, dY, dX, *self.numbers
        )
        return dX


def numbers(shape, order, window):
    """The sizes that the function takes, three per list: missing axes come first."""
    inner = shape[channel_axis(order, len(shape))] if is_channels_last(order) else 1
    missing = 3 - len(window.kernel)
    lists = [window.inputs, window.outputs, window.kernel, window.stride, window.head]
    fillers = (1, 1, 1, 1, 0)
    found = [n for values, f in zip(lists, fillers) for n in (*(f,) * missing, *values)]
    return [np.int32(n) for n in (inner, *found)]
