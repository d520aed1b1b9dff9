"""Operators that keep the elements as they are: copies, new shapes, identities of the forward pass."""

from __future__ import annotations

import numpy as np

from c2.ops.control_gradient.gates import STOP_GRADIENT
from c2.ops.shape.copy import COPIES
from c2.ops.shape.flatten import FLATTEN, FLATTEN_TO_VEC, RESIZE_LIKE
from c2.ops.shape.reshape import resolve_shape
from c2.registry import kernel
from c2_example_opencl.limits import plain


def copied(schema):
    """A kernel that copies the first input into the shape that the schema infers."""

    @kernel(schema, device="OPENCL", supports=plain)
    class Copied:
        def __init__(self, xp, *specs, **args):
            self.xp = xp
            (self.spec,) = schema.infer_outputs(specs, args, 1)

        def __call__(self, X, *others, out=None):
            out = self.xp.empty(self.spec.shape, self.spec.dtype) if out is None else out
            self.xp.copy(out, X)
            return out

    return Copied


copy = copied(next(o.schema for o in COPIES if o.schema.type == "Copy"))
stop_gradient = copied(STOP_GRADIENT)
flatten = copied(FLATTEN)
flatten_to_vec = copied(FLATTEN_TO_VEC)
resize_like = copied(RESIZE_LIKE)


@kernel("Reshape", device="OPENCL", supports=plain)
class Reshape:
    def __init__(self, xp, data, new_shape=None, *, shape):
        self.xp, self.data, self.wanted = xp, data, shape
        dtype = np.int64 if new_shape is None else new_shape.dtype
        self.old_shape = xp.to_device(np.array(data.shape, dtype))

    def __call__(self, data, new_shape=None, out=None):
        if out is None:
            wanted = self.wanted if new_shape is None else self.xp.to_host(new_shape).tolist()
            reshaped = self.xp.empty(resolve_shape(wanted, self.data.shape), self.data.dtype)
            out = reshaped, self.xp.empty(self.old_shape.shape, self.old_shape.dtype)
        self.xp.copy(out[0], data)
        self.xp.copy(out[1], self.old_shape)
        return out
