"""Add, Sub, Mul and Div, with both of Caffe2's ways to broadcast."""

from __future__ import annotations

import numpy as np

from c2.ops.binary.broadcast import operand_shape, result_shape
from c2.registry import kernel
from c2_example_opencl.limits import floats

# `walk` holds, for each axis, its length and the steps that A and B make along it.
SOURCE = """
kernel void combine(global REAL *C, global const REAL *A, global const REAL *B,
                    global const int *walk, const int axes)
{
    const size_t i = get_global_id(0);
    int rest = i, a = 0, b = 0;
    for (int k = 3 * axes - 3; k >= 0; k -= 3) {
        const int at = rest % walk[k];
        rest /= walk[k];
        a += at * walk[k + 1];
        b += at * walk[k + 2];
    }
    C[i] = A[a] OPERATOR B[b];
}
"""


def binary(type_, operator):
    @kernel(type_, device="OPENCL", supports=floats)
    class Binary:
        def __init__(self, xp, A, B, **args):
            self.xp, self.dtype = xp, A.dtype
            self.shape = result_shape(A, B, **args)
            walk = merged_axes(self.shape, A.shape, operand_shape(A, B, **args))
            self.axes = np.int32(len(walk))
            self.walk = xp.to_device(np.array(walk, np.int32))
            self.run = xp.kernel(SOURCE.replace("OPERATOR", operator), "combine", A.dtype)

        def __call__(self, A, B, out=None):
            C = self.xp.empty(self.shape, self.dtype) if out is None else out
            self.run(C.size, C, A, B, self.walk, self.axes)
            return C

    return Binary


def merged_axes(shape, *operands):
    """(length, step of each operand) per axis, neighbours merged where every operand walks on evenly."""
    merged = []
    for axis in [(n, *steps) for n, *steps in zip(shape, *(_steps(shape, s) for s in operands))]:
        length, *steps = axis
        if length == 1:
            continue
        if merged and list(merged[-1][1:]) == [length * s for s in steps]:
            merged[-1] = (merged[-1][0] * length, *steps)
        else:
            merged.append(axis)
    return merged


def _steps(shape, operand):
    """Elements from one entry to the next along each axis of `shape`; 0 where the operand is stretched."""
    padded = (1,) * (len(shape) - len(operand)) + tuple(operand)
    steps, size = [], 1
    for n in reversed(padded):
        steps.append(size if n > 1 else 0)
        size *= n
    return steps[::-1]


add = binary("Add", "+")
sub = binary("Sub", "-")
mul = binary("Mul", "*")
div = binary("Div", "/")
