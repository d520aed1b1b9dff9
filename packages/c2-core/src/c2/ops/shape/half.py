"""FloatToHalf and HalfToFloat."""

import numpy as np

from c2.ops.results import stored
from c2.registry import Arg, Case, OpSchema, Tensor, cases, gradient, kernel

HALF, SINGLE = frozenset({"float16"}), frozenset({"float32"})
LARGEST = 65504.0  # of float16


FLOAT_TO_HALF = OpSchema(
    "FloatToHalf",
    doc="Y = X rounded to float16. Above 65504 it becomes infinite, or with `clip` 65504; NaN stays NaN.",
    inputs=[Tensor("X", "any shape", SINGLE)],
    outputs=[Tensor("Y", "float16, shape of X")],
    args=[Arg("clip", bool, default=False, doc="limit to the largest float16 instead of infinity")],
    infer=lambda X, *, clip: X.with_dtype("float16"),
)

HALF_TO_FLOAT = OpSchema(
    "HalfToFloat",
    doc="Y = X as float32, exactly.",
    inputs=[Tensor("X", "any shape", HALF)],
    outputs=[Tensor("Y", "float32, shape of X")],
    infer=lambda X: X.with_dtype("float32"),
)


@kernel(FLOAT_TO_HALF)
def float_to_half(xp, X, *, clip, out=None):
    return stored(xp, xp.clip(X, -LARGEST, LARGEST) if clip else X, out, dtype="float16")


@kernel(HALF_TO_FLOAT)
def half_to_float(xp, X, *, out=None):
    return stored(xp, X, out, dtype="float32")


@gradient(FLOAT_TO_HALF)
def float_to_half_gradient_maker(g):
    return [g.op("HalfToFloat", [g.GO("Y")], [g.GI("X")])]


@gradient(HALF_TO_FLOAT)
def half_to_float_gradient_maker(g):
    return [g.op("FloatToHalf", [g.GO("Y")], [g.GI("X")])]


@cases(FLOAT_TO_HALF)
def float_to_half_cases(rng):
    X = np.array([1, 65504, 65520, -1e6, 1e-8, np.nan, np.inf, 0.1, 2049], np.float32)
    Y = np.array([1, 65504, np.inf, -np.inf, 0, np.nan, np.inf, 0.0999755859375, 2048])
    yield Case({"X": X}, {}, {"Y": Y})
    Y = np.array([1, 65504, 65504, -65504, 0, np.nan, 65504, 0.0999755859375, 2048])
    yield Case({"X": X}, {"clip": True}, {"Y": Y})
    yield Case({"X": np.zeros((0, 2), np.float32)}, {}, {"Y": np.zeros((0, 2))}, id="empty")
    yield Case({"X": np.array(2.5, np.float32)}, {}, {"Y": 2.5}, id="0-d")


@cases(HALF_TO_FLOAT)
def half_to_float_cases(rng):
    bits = np.array([0x3C00, 0x7BFF, 0x0001, 0xFC00, 0x8000], np.uint16)
    Y = [1.0, 65504.0, 2.0**-24, -np.inf, -0.0]
    yield Case({"X": bits.view(np.float16)}, {}, {"Y": Y})
