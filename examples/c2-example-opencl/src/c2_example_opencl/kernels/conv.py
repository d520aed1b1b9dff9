"""Convolutions of one to three spatial axes, NCHW and NHWC, with groups and dilation; their gradients."""

from __future__ import annotations

import numpy as np

from c2.registry import kernel
from c2_example_opencl.limits import floats
from c2_example_opencl.runtime import source
from c2_example_opencl.window import Geometry

TYPES = ("Conv", "Conv1D", "Conv2D", "Conv3D")


def _program(xp, name, dtype):
    return xp.kernel(source("window.cl") + source("conv.cl"), name, dtype)


@kernel(*TYPES, device="OPENCL", supports=floats)
class Conv:
    def __init__(self, xp, X, W, b=None, *, order, group, no_gradient_to_input=False, **window):
        self.xp, self.dtype = xp, X.dtype
        self.geometry = Geometry(xp, X, W.shape[0], order, group=group, **window)
        self.items = (self.geometry.positions, W.shape[0], X.shape[0])
        self.run = _program(xp, "convolve", X.dtype)

    def __call__(self, X, W, b=None, out=None):
        Y = self.xp.empty(self.geometry.shape, self.dtype) if out is None else out
        self.run(self.items, self.geometry.array, X, W, b, np.int32(b is not None), Y)
        return Y


@kernel(*(f"{t}Gradient" for t in TYPES), device="OPENCL", supports=floats)
class ConvGradient:
    def __init__(
        self, xp, X, W, dY, *, order, group, no_bias, n_outputs, no_gradient_to_input=False, **window
    ):  # fmt: skip
        self.xp, self.no_bias = xp, no_bias
        self.geometry = g = Geometry(xp, X, W.shape[0], order, group=group, **window)
        shapes = [W.shape, X.shape] if no_bias else [W.shape, (g.results,), X.shape]
        self.specs = [(shape, X.dtype) for shape in shapes[:n_outputs]]
        self.by_filter = _program(xp, "filter_gradient", X.dtype)
        self.by_bias = _program(xp, "bias_gradient", X.dtype)
        self.by_input = _program(xp, "input_gradient", X.dtype)

    def __call__(self, X, W, dY, out=None):
        g = self.geometry
        if out is None:
            out = tuple(self.xp.empty(*spec) for spec in self.specs)
        found = out if isinstance(out, tuple) else (out,)
        dW, *rest = found
        self.by_filter((g.taps, g.depth, g.results), g.array, X, dY, dW)
        if rest and not self.no_bias:
            self.by_bias(g.results, g.array, dY, rest.pop(0))
        if rest:
            self.by_input((g.inputs, g.channels, g.images), g.array, W, dY, rest[0])
        return found
