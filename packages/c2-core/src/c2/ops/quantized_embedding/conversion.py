"""Float or float16 to fused rows of 8, 4 or 2 bits, and back."""

import math
import struct
from functools import partial

import numpy as np

from c2.ops.quantized_embedding.fused_row import (
    BITS_2,
    BITS_4,
    BITS_8,
    BITS_8_HALF,
    decode,
    decoded_shape,
    encode,
    encoded_shape,
)
from c2.ops.results import stored
from c2.registry import Case, Operator, OpSchema, Tensor, TensorSpec
from c2.registry.schema import NoGradient

BYTES = frozenset({"uint8"})


def _quantize(layout, xp, input, *, out=None):
    return stored(xp, encode(xp, input, layout), out)


def _dequantize(layout, dtype, xp, rows, *, out=None):
    return stored(xp, decode(xp, rows, layout), out, dtype=dtype)


def packed(X, layout):
    """Fused rows one number at a time; what cases of lookups look up in."""
    rows = []
    for row in np.asarray(X, np.float64).tolist():
        low, high = min(row), max(row)
        if layout.half:
            low = float(np.float16(low))
        scale = float(layout.dtype.type((high - low) / (2**layout.bits - 1))) or 1.0
        codes = [round((x - low) / scale) for x in row]
        value = sum(
            min(max(c, 0), 2**layout.bits - 1) << (layout.bits * k) for k, c in enumerate(codes)
        )
        body = value.to_bytes(math.ceil(len(row) * layout.bits / 8), "little")
        rows.append(body + struct.pack("<ee" if layout.half else "<ff", scale, low))
    return np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), -1)


def unpacked(rows, layout):
    """The numbers of fused rows, one by one."""
    X = []
    for row in np.asarray(rows):
        body = row[: -layout.tail].tobytes()
        scale, bias = struct.unpack("<ee" if layout.half else "<ff", row[-layout.tail :].tobytes())
        value, mask = int.from_bytes(body, "little"), 2**layout.bits - 1
        n = len(body) * layout.per_byte
        X.append([(value >> (layout.bits * k) & mask) * scale + bias for k in range(n)])
    return np.array(X)


def whole_rows(rng, layout):
    """Numbers that the layout holds without loss: each row has its first and last code."""
    codes = rng.integers(0, 2**layout.bits, (3, 8))
    codes[:, 0], codes[:, 1] = 0, 2**layout.bits - 1
    return codes * np.array([[0.5], [2], [0.125]]) + np.array([[-1], [3], [0]])


def _quantize_cases(layout, dtype, rng):
    X = whole_rows(rng, layout).astype(dtype)
    yield Case({"input": X}, {}, {"output": packed(X, layout)})
    yield Case({"input": X[0]}, {}, {"output": packed(X, layout)[0]})
    yield Case({"input": X[None]}, {}, {"output": packed(X, layout)[None]})


def _dequantize_cases(layout, dtype, name, rng):
    X = whole_rows(rng, layout)
    rows = packed(X, layout)
    yield Case({"scale_bias_quantized_input": rows}, {}, {name: unpacked(rows, layout)})
    yield Case({"scale_bias_quantized_input": rows[0]}, {}, {name: X[0]})
    yield Case({"scale_bias_quantized_input": rows[None, :0]}, {}, {name: X[None, :0]})


def _quantizer(type_, layout, dtype):
    def infer(input):
        return TensorSpec(encoded_shape(input, layout), "uint8")

    schema = OpSchema(
        type_,
        doc=f"""output = rows of {layout}, for which input is about code * scale + bias.

        bias is the smallest element of a row, scale its range over {2**layout.bits - 1}; codes are rounded to the
        nearest, ties to even. Differs from Caffe2: empty rows are refused, and NaN is spread over its row.
        """,
        inputs=[Tensor("input", "(..., D)", frozenset({dtype}))],
        outputs=[Tensor("output", "uint8 (..., bytes of the codes, scale and bias)")],
        infer=infer,
        cost=lambda input: 4 * input.size,
        gradient=NoGradient.STOPS,
    )
    cases = partial(_quantize_cases, layout, dtype)
    return Operator(schema, partial(_quantize, layout), cases=cases)


def _dequantizer(type_, layout, dtype, name):
    def infer(rows):
        return TensorSpec(decoded_shape("scale_bias_quantized_input", rows, layout), dtype)

    schema = OpSchema(
        type_,
        doc=f"{name} = code * scale + bias, from rows of {layout}.",
        inputs=[Tensor("scale_bias_quantized_input", "(..., bytes)", BYTES)],
        outputs=[Tensor(name, f"{dtype} (..., D)")],
        infer=infer,
        cost=lambda rows: 2 * rows.size,
        gradient=NoGradient.STOPS,
    )
    cases = partial(_dequantize_cases, layout, dtype, name)
    return Operator(schema, partial(_dequantize, layout, dtype), cases=cases)


QUANTIZERS = [
    _quantizer("FloatToFused8BitRowwiseQuantized", BITS_8, "float32"),
    _quantizer("HalfFloatToFused8BitRowwiseQuantized", BITS_8, "float16"),
    _quantizer("FloatToFused8BitRowwiseQuantizedHalfScaleBias", BITS_8_HALF, "float32"),
    _quantizer("HalfFloatToFused8BitRowwiseQuantizedHalfScaleBias", BITS_8_HALF, "float16"),
    _quantizer("FloatToFused4BitRowwiseQuantized", BITS_4, "float32"),
    _quantizer("HalfToFused4BitRowwiseQuantized", BITS_4, "float16"),
    _quantizer("FloatToFused2BitRowwiseQuantized", BITS_2, "float32"),
    _quantizer("HalfToFused2BitRowwiseQuantized", BITS_2, "float16"),
]
DEQUANTIZERS = [
    _dequantizer("Fused8BitRowwiseQuantizedToFloat", BITS_8, "float32", "float_output"),
    _dequantizer("Fused8BitRowwiseQuantizedToHalfFloat", BITS_8, "float16", "float16_output"),
    _dequantizer("Fused8BitRowwiseQuantizedHalfScaleBiasToFloat", BITS_8_HALF, "float32", "float_output"),
    # float32, whatever its name says: so it is in Caffe2
    _dequantizer(
        "Fused8BitRowwiseQuantizedHalfScaleBiasToHalfFloat", BITS_8_HALF, "float32", "float_output"
    ),
    _dequantizer("Fused4BitRowwiseQuantizedToFloat", BITS_4, "float32", "float_output"),
    _dequantizer("Fused4BitRowwiseQuantizedToHalf", BITS_4, "float16", "float16_output"),
    _dequantizer("Fused2BitRowwiseQuantizedToFloat", BITS_2, "float32", "float_output"),
    _dequantizer("Fused2BitRowwiseQuantizedToHalf", BITS_2, "float16", "float16_output"),
]  # fmt: skip
