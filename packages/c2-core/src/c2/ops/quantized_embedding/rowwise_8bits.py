"""8-bit rows whose scales and biases are a tensor of their own: conversion and lookups."""

from functools import partial

import numpy as np

from c2.ops.quantized_embedding.conversion import BYTES
from c2.ops.results import stored
from c2.ops.rules import equal
from c2.ops.sparse.lookup import (
    INDICES,
    LENGTHS,
    infer_lookup,
    look_up,
    require_lookup,
    require_weights,
)
from c2.registry import Case, Operator, OpSchema, Tensor, TensorSpec, require
from c2.registry.schema import NoGradient

FLOAT32 = frozenset({"float32"})
SCALE_BIAS = Tensor("scale_bias", "(R, 2): scale and bias of each row", FLOAT32)
SCALARS = Tensor("SCALARS", "(K,): the weight of each place", FLOAT32)
FLAT = 1e-10  # a row with a smaller range is constant


def _require_rows(name, X):
    require(X.ndim >= 1, f"{name} must have one axis or more", "(R, ...)", X.shape)


def _columns(numbers, like):
    return numbers.reshape(-1, *(1,) * (like.ndim - 1))


def _infer_quantize(input):
    _require_rows("input", input)
    require(0 not in input.shape[1:], "rows of input must have elements", "1 or more", input.shape)
    return input.with_dtype("uint8"), TensorSpec((input.shape[0], 2), "float32")


def quantize(xp, input, *, out=None):
    outs = (None, None) if out is None else out
    axes = tuple(range(1, input.ndim))
    bias = input.min(axis=axes)
    span = input.max(axis=axes) - bias
    scale = xp.where(span < FLAT, 1, span / xp.float32(255)).astype("float32")
    codes = xp.rint((input - _columns(bias, input)) / _columns(scale, input))
    return (
        stored(xp, codes, outs[0], dtype="uint8"),
        stored(xp, xp.stack([scale, bias], axis=1), outs[1]),
    )


def _infer_dequantize(quantized_input, scale_bias):
    _require_rows("quantized_input", quantized_input)
    R = quantized_input.shape[0]
    equal("scale_bias must have a scale and a bias per row", (R, 2), scale_bias.shape)
    return quantized_input.with_dtype("float32")


def _decoded(codes, scale_bias):
    X = codes.astype("float32")
    X *= _columns(scale_bias[:, 0], X)
    X += _columns(scale_bias[:, 1], X)
    return X


def dequantize(xp, quantized_input, scale_bias, *, out=None):
    return stored(xp, _decoded(quantized_input, scale_bias), out)


def _sample(rng, row):
    """Codes that reach from 0 to 255 in each row, scales and biases, and the numbers."""
    codes = rng.integers(0, 256, (3, *row)).astype(np.uint8)
    flat = codes.reshape(3, -1)
    flat[:, 0], flat[:, 1] = 0, 255
    pairs = np.array([[0.5, -1], [2, 3], [0.125, 0]], np.float32)
    X = np.array([c * s + b for c, (s, b) in zip(codes.astype(float), pairs)])
    return codes, pairs, X.astype(np.float32)


def _quantize_cases(rng):
    for row in ((4,), (2, 3)):
        codes, pairs, X = _sample(rng, row)
        yield Case({"input": X}, {}, {"quantized_input": codes, "scale_bias": pairs})
    expect = {"quantized_input": [0, 0, 0], "scale_bias": [[1, 4], [1, 5], [1, -6]]}
    yield Case({"input": np.array([4, 5, -6], np.float32)}, {}, expect)


def _dequantize_cases(rng):
    for row in ((4,), (2, 3)):
        codes, pairs, X = _sample(rng, row)
        yield Case({"quantized_input": codes, "scale_bias": pairs}, {}, {"output": X})


CONVERSIONS = [
    Operator(
        OpSchema(
            "FloatToRowwiseQuantized8Bits",
            doc="""quantized_input = round((input - bias) / scale) with bias = the smallest element of a row.

            scale is its range over 255, or 1 for a constant row. The rows are those of the first axis. Differs from
            Caffe2: rows without elements are refused.
            """,
            inputs=[Tensor("input", "(R, ...)", FLOAT32)],
            outputs=[
                Tensor("quantized_input", "uint8, shape of input"),
                Tensor("scale_bias", "float32 (R, 2): scale and bias of each row"),
            ],
            infer=_infer_quantize,
            gradient=NoGradient.STOPS,
        ),
        quantize,
        cases=_quantize_cases,
    ),
    Operator(
        OpSchema(
            "Rowwise8BitQuantizedToFloat",
            doc="output = quantized_input * scale + bias of its row.",
            inputs=[Tensor("quantized_input", "(R, ...)", BYTES), SCALE_BIAS],
            outputs=[Tensor("output", "float32, shape of quantized_input")],
            infer=_infer_dequantize,
            gradient=NoGradient.STOPS,
        ),
        dequantize,
        cases=_dequantize_cases,
    ),
]


def _infer_lookup(weighted, DATA, *inputs):
    _infer_dequantize(DATA, inputs[-1])
    if weighted:
        require_weights("SCALARS", inputs[0], inputs[1], np.dtype("float32"))
    return infer_lookup(inputs[-3], inputs[-2], DATA.shape[1:], "float32")


def _lookup(weighted, mean, xp, DATA, *inputs, out=None):
    INDICES, LENGTHS, scale_bias = inputs[-3:]
    require_lookup(INDICES, LENGTHS, DATA.shape[0])
    if out is None:
        out = xp.empty((LENGTHS.size, *DATA.shape[1:]), "float32")

    def pick(indices):
        return _decoded(xp.take(DATA, indices, axis=0), xp.take(scale_bias, indices, axis=0))

    weights = inputs[0] if weighted else None
    return look_up(xp, pick, INDICES, LENGTHS, out, weights=weights, mean=mean)


def _lookup_cases(weighted, mean, rng):
    indices, lengths = np.array([0, 2, 1, 0, 2]), np.array([2, 0, 3], np.int32)
    for row in ((4,), (2, 3)):
        codes, pairs, X = _sample(rng, row)
        W = rng.uniform(-1, 1, 5).astype(np.float32)
        terms = [X[i] * (w if weighted else 1) for i, w in zip(indices, W)]
        sums = [terms[0] + terms[1], 0 * X[0], terms[2] + terms[3] + terms[4]]
        if mean:
            sums = [s / n for s, n in zip(sums, (2, 1, 3))]
        inputs = {"DATA": codes, "INDICES": indices, "LENGTHS": lengths, "scale_bias": pairs}
        if weighted:
            inputs["SCALARS"] = W
        yield Case(inputs, {}, {"output": np.array(sums)})


def _operator(what):
    weighted, mean = "Weighted" in what, "Mean" in what
    formula = f"{'SCALARS[k] * ' if weighted else ''}row(INDICES[k])"
    schema = OpSchema(
        f"SparseLengths{what}8BitsRowwise",
        doc=f"""output[n] = {"mean" if mean else "sum"}({formula}) over the LENGTHS[n] places k of segment n.

        row(r) = DATA[r] * scale_bias[r, 0] + scale_bias[r, 1]. {"A mean divides by LENGTHS[n]. " if mean else ""}A
        segment without places gives 0. LENGTHS must add up to K, and every index must be one of a row.
        """,
        inputs=[
            Tensor("DATA", "(R, ...): codes", BYTES),
            *[SCALARS][:weighted],
            INDICES,
            LENGTHS,
            SCALE_BIAS,
        ],
        outputs=[Tensor("output", "float32 (N, ...)")],
        infer=partial(_infer_lookup, weighted),
        cost=lambda DATA, *inputs: 3 * inputs[-3].size * (DATA.size // max(DATA.shape[0], 1)),
        gradient=NoGradient.STOPS,
    )
    kernel = partial(_lookup, weighted, mean)
    return Operator(schema, kernel, cases=partial(_lookup_cases, weighted, mean))


LOOKUPS = [_operator(what) for what in ("Sum", "Mean", "WeightedSum", "WeightedMean")]
