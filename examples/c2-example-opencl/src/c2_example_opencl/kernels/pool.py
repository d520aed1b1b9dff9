"""MaxPool and AveragePool of one to three spatial axes, NCHW and NHWC, and their gradients."""

from __future__ import annotations

import numpy as np

from c2.ops.conv.geometry import channel_axis
from c2.registry import kernel
from c2_example_opencl.limits import floats
from c2_example_opencl.runtime import source
from c2_example_opencl.window import Geometry

NAMES = ("", "1D", "2D", "3D")


class _Pool:
    """What all four share: the geometry, the program, and one work item per element of the result."""

    name = ""
    backward = False

    def __init__(self, xp, X, *others, order, count_include_pad=False, **window):
        self.xp, self.dtype = xp, X.dtype
        channels = X.shape[channel_axis(order, X.ndim)]
        self.geometry = Geometry(xp, X, channels, order, **window)
        self.shape = X.shape if self.backward else self.geometry.shape
        each = self.geometry.inputs if self.backward else self.geometry.positions
        self.items = (each, channels, X.shape[0])
        self.with_pads = np.int32(count_include_pad)
        self.program = xp.kernel(source("window.cl") + source("pool.cl"), self.name, X.dtype)

    def run(self, out, *arrays):
        out = self.xp.empty(self.shape, self.dtype) if out is None else out
        self.program(self.items, self.geometry.array, *arrays, out)
        return out


@kernel(*(f"MaxPool{n}" for n in NAMES), device="OPENCL", supports=floats)
class MaxPool(_Pool):
    name = "max_pool"

    def __call__(self, X, out=None):
        return self.run(out, X)


@kernel(*(f"AveragePool{n}" for n in NAMES), device="OPENCL", supports=floats)
class AveragePool(_Pool):
    name = "average_pool"

    def __call__(self, X, out=None):
        return self.run(out, X, self.with_pads)


@kernel(*(f"MaxPool{n}Gradient" for n in NAMES), device="OPENCL", supports=floats)
class MaxPoolGradient(_Pool):
    name, backward = "max_pool_gradient", True

    def __call__(self, X, Y, dY, out=None):
        return self.run(out, X, Y, dY)


@kernel(*(f"AveragePool{n}Gradient" for n in NAMES), device="OPENCL", supports=floats)
class AveragePoolGradient(_Pool):
    name, backward = "average_pool_gradient", True

    def __call__(self, X, Y, dY, out=None):
        return self.run(out, dY, self.with_pads)
