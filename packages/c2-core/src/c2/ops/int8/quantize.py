"""Int8Quantize and Int8Dequantize: from float32 to 8 bits and back."""

import numpy as np

from c2.ops.int8 import int8_tensor as q
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, kernel
from c2.registry.schema import NoGradient

INT8_QUANTIZE = OpSchema(
    "Int8Quantize",
    doc="""Y = round(X / Y_scale) + Y_zero_point, within 0..255; ties go to even.

    Differs from Caffe2: scale and zero point are arguments alone, not a second input; NaN becomes Y_zero_point.
    """,
    inputs=[Tensor("X", "any shape", frozenset({"float32"}))],
    outputs=[q.Y],
    args=q.RESULT,
    infer=q.unknown,
    gradient=NoGradient.NOT_IMPLEMENTED,
)

INT8_DEQUANTIZE = OpSchema(
    "Int8Dequantize",
    doc="Y = (qX - zero point of qX) * its scale, float32.",
    inputs=[Tensor("qX", "8-bit tensor", blob=True)],
    outputs=[Tensor("Y", "float32, shape of qX")],
    infer=lambda qX: TensorSpec(None, "float32"),
    gradient=NoGradient.NOT_IMPLEMENTED,
)


@kernel(INT8_QUANTIZE, device="CPU")
def int8_quantize(xp, X, *, Y_scale, Y_zero_point):
    return q.rounded(
        np.nan_to_num(X / np.float32(Y_scale)).astype(np.float64), Y_scale, Y_zero_point
    )


@kernel(INT8_DEQUANTIZE, device="CPU")
def int8_dequantize(xp, qX):
    return q.steps("qX", qX).astype(np.float32) * np.float32(qX.scale)


@cases(INT8_QUANTIZE)
def int8_quantize_cases(rng):
    for shape in [(), (0,), (7,), (2, 3)]:
        for scale, zero in [(0.1, 100), (0.25, 0)]:
            X = rng.uniform(-40, 40, shape).astype(np.float32)
            args = {"Y_scale": scale, "Y_zero_point": zero}
            yield Case({"X": X}, args, check=q.stands_for(X, np.float32(scale), zero))


@cases(INT8_DEQUANTIZE)
def int8_dequantize_cases(rng):
    for shape in [(), (0,), (2, 3)]:
        qX = q.drawn(rng, *shape)
        yield Case({"qX": qX}, expect={"Y": 0.1 * (qX.data.astype(np.float32) - 100)})
