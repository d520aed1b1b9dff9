"""Int8GivenTensorFill and Int8GivenIntTensorFill: weights and biases that stand in the operator itself."""

from math import prod

import numpy as np

from c2.ops.int8 import int8_tensor as q
from c2.registry import REQUIRED, Arg, Case, Operator, OpSchema, Tensor, require
from c2.registry.schema import NoGradient
from c2.serialize.blobs import Int8Tensor

SHAPE = Arg("shape", "ints", default=REQUIRED, doc="of the tensor")
TENSOR = Tensor("Tensor", "8-bit tensor", blob=True)


def _operator(type_, values, what, array):
    def infer(*, values, shape, **steps):
        count = len(array(values))
        require(prod(shape) == count, "values must fill the shape", prod(shape), count)

    def fill(xp, *, values, shape, Y_scale, Y_zero_point):
        return Int8Tensor(array(values).reshape(tuple(shape)), Y_scale, Y_zero_point)

    def make_cases(rng):
        numbers = rng.integers(0, 256, 6)
        given = numbers.astype(np.uint8).tobytes() if values.type is bytes else numbers.tolist()

        def check(found):
            assert (found.scale, found.zero_point) == (0.5, 3)
            np.testing.assert_array_equal(found.data, numbers.reshape(2, 3))

        steps = {"Y_scale": 0.5, "Y_zero_point": 3}
        yield Case({}, {"shape": [2, 3], "values": given, **steps}, check=check)

    schema = OpSchema(
        type_, doc=f"Tensor = values, {what}, in the shape given.", outputs=[TENSOR], args=[values, SHAPE, *q.RESULT],
        infer=infer, gradient=NoGradient.NOT_IMPLEMENTED,
    )  # fmt: skip
    return Operator(schema, fill, cases=make_cases, device="CPU")


INT8_GIVEN_TENSOR_FILL = _operator(
    "Int8GivenTensorFill", Arg("values", bytes, default=REQUIRED, doc="one byte per element"), "uint8",
    lambda values: np.frombuffer(values, np.uint8).copy(),
)  # fmt: skip
INT8_GIVEN_INT_TENSOR_FILL = _operator(
    "Int8GivenIntTensorFill", Arg("values", "ints", default=REQUIRED, doc="in row-major order"), "int32, as biases are",
    lambda values: np.array(values, np.int32),
)  # fmt: skip
