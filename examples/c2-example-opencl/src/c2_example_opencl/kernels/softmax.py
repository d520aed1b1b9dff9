"""Softmax and its gradient: a group of work items per row."""

from __future__ import annotations

import numpy as np

from c2.ops.linear.flatten import as_matrix
from c2.registry import kernel
from c2_example_opencl.limits import floats
from c2_example_opencl.runtime import source

WIDTH = 64


def by_rows(type_, name):
    @kernel(type_, device="OPENCL", supports=floats)
    class ByRows:
        def __init__(self, xp, *specs, axis):
            self.xp, self.spec = xp, specs[0]
            rows, columns = as_matrix(self.spec.shape, axis)
            self.items = rows * WIDTH if columns else 0
            self.columns = np.int32(columns)
            self.run = xp.kernel(source("softmax.cl"), name, self.spec.dtype)

        def __call__(self, *arrays, out=None):
            if out is None:
                out = self.xp.empty(self.spec.shape, self.spec.dtype)
            self.run(self.items, self.columns, *arrays, out, group=(WIDTH,))
            return out

    return ByRows


softmax = by_rows("Softmax", "softmax")
softmax_gradient = by_rows("SoftmaxGradient", "softmax_gradient")
