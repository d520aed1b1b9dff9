"""Sliding windows for the programs: Geometry of window.cl, from c2's resolved window."""

from __future__ import annotations

from math import prod

import numpy as np

from c2.ops.conv.geometry import channel_axis, image_shape, resolve_window, spatial


class Geometry:
    """One convolution or pooling over images of up to three spatial axes.

    Attributes:
        shape: of the result.
        positions, inputs, taps: sizes of the boxes of outputs, of an image, and of the window.
        array: what the programs get, on the device.
    """

    def __init__(self, xp, X, results, order, *, group=1, filters=False, **window):
        found = resolve_window(spatial(X.shape, order), **window)
        self.images, self.channels = X.shape[0], X.shape[channel_axis(order, X.ndim)]
        self.results, self.depth = results, self.channels // group
        self.shape = image_shape(self.images, results, found.outputs, order)
        filter_shape = image_shape(results, self.depth, found.kernel, order)
        self.positions, self.inputs = prod(found.outputs), prod(found.inputs)
        self.taps = prod(found.kernel)
        steps = [_steps(shape, order) for shape in (X.shape, filter_shape, self.shape)]
        boxes = [
            (*(filler,) * (3 - len(values)), *values)
            for filler, values in [
                (1, found.kernel), (1, found.stride), (1, found.dilation),
                (0, found.head), (1, found.inputs), (1, found.outputs),
            ]
        ]  # fmt: skip
        numbers = [self.images, self.channels, results, self.depth, results // group]
        self.array = xp.to_device(np.concatenate([numbers, *steps, *boxes]).astype(np.int32))


def _steps(shape, order):
    """Steps in elements along (n, c, d, h, w) of a contiguous array in that order; 0 for axes it does not have."""
    steps = [prod(shape[a + 1 :]) for a in range(len(shape))]
    batch, channels = steps[0], steps.pop(channel_axis(order, len(shape)))
    return [batch, channels, *(0,) * (5 - len(shape)), *steps[1:]]
