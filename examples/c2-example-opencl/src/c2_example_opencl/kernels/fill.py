"""Fillers: ConstantFill, and the GivenTensor fillers of init nets. Of any dtype but strings."""

from __future__ import annotations

import numpy as np

from c2.ops.fill.constant_fill import value_dtype
from c2.ops.fill.given_tensor_fill import OPERATORS
from c2.ops.fill.shape import made_shape
from c2.registry import kernel
from c2_example_opencl.limits import STRINGS

GIVEN = {operator.schema.type: operator for operator in OPERATORS}


def _output_shape(xp, X, shape, extra_shape, input_as_shape):
    """The shape to make where nobody inferred it."""
    return made_shape(xp.to_host(X) if input_as_shape else X, shape, extra_shape, input_as_shape)


def _supports_constant(X=None, number=None, *, value, dtype, **shape):
    return STRINGS if value_dtype(value, dtype).kind == "O" else None


@kernel("ConstantFill", device="OPENCL", supports=_supports_constant)
class ConstantFill:
    def __init__(self, xp, X=None, number=None, *, value, dtype, **shape):
        self.xp, self.shape = xp, shape
        self.value = value_dtype(value, dtype).type(value or 0)

    def __call__(self, X=None, number=None, out=None):
        if out is None:
            out = self.xp.empty(_output_shape(self.xp, X, **self.shape), self.value.dtype)
        value = self.value if number is None else self.xp.to_host(number).reshape(-1)[0]
        self.xp.fill(out, value)
        return out


def given(type_):
    schema, on_host = GIVEN[type_].schema, GIVEN[type_].kernel

    def supports(*specs, **args):
        (made,) = schema.infer_outputs(specs, args, 1)
        return STRINGS if made.dtype.kind == "O" else None

    @kernel(type_, device="OPENCL", supports=supports)
    class GivenTensorFill:
        """Brings the values to the device once, as c2-core's kernel reads them."""

        def __init__(self, xp, *specs, **args):
            self.xp = xp
            self.values = xp.to_device(on_host(np, *specs, **args).values)
            self.shape = {n: args[n] for n in ("shape", "extra_shape", "input_as_shape")}

        def __call__(self, X=None, out=None):
            if out is None:
                shape = _output_shape(self.xp, X, **self.shape)
                out = self.xp.empty(shape, self.values.dtype)
            self.xp.copy(out, self.values)
            return out

    return GivenTensorFill


given_tensor_fill = given("GivenTensorFill")
given_tensor_double_fill = given("GivenTensorDoubleFill")
given_tensor_bool_fill = given("GivenTensorBoolFill")
given_tensor_int16_fill = given("GivenTensorInt16Fill")
given_tensor_int_fill = given("GivenTensorIntFill")
given_tensor_int64_fill = given("GivenTensorInt64Fill")
