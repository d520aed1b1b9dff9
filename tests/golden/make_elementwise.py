"""Asks real Caffe2 what elementwise operators give; needs a Python that has it.

    oracle python tests/golden/make_elementwise.py tests/golden/data/elementwise.npz [seed]

The file holds an index (JSON: operator, arguments, and where its arrays are) and one flat array per dtype.
"""

import json
import sys

import numpy as np
from caffe2.python import core, workspace

EDGES = np.array([-np.inf, -50, -2, -1, -0.5, -0.0, 0, 0.5, 1, 2, 50, np.inf, np.nan], np.float32)
FINITE = EDGES[1:-2]
LEGACY = (
    ((2, 3, 4), (4,), {"broadcast": 1}),
    ((2, 3, 4), (3,), {"broadcast": 1, "axis": 1}),
    ((2, 3, 4), (2, 3), {"broadcast": 1, "axis": 0}),
    ((2, 3, 4), (1, 3, 1), {"broadcast": 1}),
    ((2, 3), (1,), {"broadcast": 1}),
    ((2, 3, 1, 2), (3,), {"broadcast": 1, "axis_str": "C"}),
    ((2, 1, 2, 3), (3,), {"broadcast": 1, "axis_str": "C", "order": "NHWC"}),
)
NUMPY = (
    ((2, 3), (2, 3), {}),
    ((2, 1, 3), (4, 1), {}),
    ((3,), (2, 3), {}),
    ((0, 3), (3,), {}),
    ((), (), {}),
)
ARGUMENTS = {
    "Clip": [
        {},
        {"min": -0.5},
        {"max": 0.75},
        {"min": -0.5, "max": 0.75},
        {"min": 1.0, "max": -1.0},
    ],
    "Elu": [{}, {"alpha": 0.5}],
    "LeakyRelu": [{}, {"alpha": 0.3}, {"alpha": 1.5}],
    "Selu": [{}, {"alpha": 0.5, "scale": 2.0}],
    "ReluN": [{}, {"n": 0.7}],
    "ThresholdedRelu": [{}, {"alpha": 0.3}],
    "HardSigmoid": [{}, {"alpha": 0.4, "beta": 0.1}],
    "Gelu": [{}, {"fast_gelu": 1}],
    "Logit": [{}, {"eps": 0.2}],
    "Scale": [{}, {"scale": -1.5}],
    "ReplaceNaN": [{}, {"value": 2.5}],
}
# Operators of one input: where to draw X, and whether the edges may be asked for.
UNARY = {
    "Abs": (-2, 2, EDGES), "Acos": (-1, 1, EDGES), "Asin": (-1, 1, EDGES), "Atan": (-3, 3, EDGES),
    "Cbrt": (-3, 3, EDGES), "Ceil": (-3, 3, EDGES), "Clip": (-2, 2, EDGES), "Cos": (-3, 3, EDGES),
    "Cosh": (-3, 3, EDGES), "Cube": (-2, 2, EDGES), "Erf": (-3, 3, EDGES), "Exp": (-3, 3, EDGES),
    "Floor": (-3, 3, EDGES), "IsNaN": (-2, 2, EDGES), "Log": (0.1, 3, EDGES), "Log1p": (-0.9, 3, EDGES),
    "Logit": (0, 1, EDGES), "Negative": (-2, 2, EDGES), "Reciprocal": (0.1, 3, EDGES), "ReplaceNaN": (0, 1, EDGES),
    "Rsqrt": (0.1, 3, EDGES), "Scale": (-2, 2, EDGES), "Sign": (-2, 2, EDGES), "Sin": (-3, 3, EDGES),
    "Sinh": (-3, 3, EDGES), "Sqr": (-2, 2, EDGES), "Sqrt": (0.1, 3, EDGES), "Tan": (-1, 1, EDGES),
    "Elu": (-3, 3, EDGES), "Gelu": (-4, 4, EDGES), "HardSigmoid": (-4, 4, EDGES), "LeakyRelu": (-2, 2, EDGES),
    "Mish": (-4, 4, EDGES), "Relu": (-2, 2, EDGES), "ReluN": (-2, 9, EDGES), "Selu": (-3, 3, EDGES),
    "Sigmoid": (-6, 6, EDGES), "Softplus": (-6, 6, FINITE), "Softsign": (-4, 4, EDGES), "Swish": (-4, 4, EDGES),
    "Tanh": (-3, 3, EDGES), "ThresholdedRelu": (-2, 2, EDGES[:-1]), "NanCheck": (-2, 2, FINITE),
}  # fmt: skip
GRADIENTS = {  # order of the inputs, V: what the derivative is taken from, and where to draw it
    "Abs": ("V dY", -2, 2), "Acos": ("V dY", -0.9, 0.9), "Asin": ("V dY", -0.9, 0.9), "Atan": ("V dY", -3, 3),
    "Cbrt": ("dY V", 0.1, 2), "Clip": ("V dY", -2, 2), "Cos": ("V dY", -3, 3), "Cosh": ("dY V", -3, 3),
    "Cube": ("dY V", -2, 2), "Erf": ("V dY", -3, 3), "Log1p": ("V dY", -0.9, 3), "Logit": ("V dY", 0, 1),
    "Reciprocal": ("V dY", -2, 2), "Rsqrt": ("dY V", 0.1, 3), "Sin": ("V dY", -3, 3), "Sinh": ("dY V", -3, 3),
    "Tan": ("V dY", -1, 1), "Elu": ("V dY", -0.5, 2), "Gelu": ("dY V", -3, 3), "HardSigmoid": ("V dY", 0, 1),
    "LeakyRelu": ("V dY", -2, 2), "Relu": ("V dY", -2, 2), "ReluN": ("V dY", 0, 6), "Selu": ("V dY", -0.5, 2),
    "Sigmoid": ("V dY", 0, 1), "Softplus": ("V dY", 0, 3), "Softsign": ("V dY", -3, 3), "Tanh": ("V dY", -1, 1),
    "ThresholdedRelu": ("V dY", 0, 2), "Mish": ("V Y dY", -3, 3), "Swish": ("V Y dY", -3, 3),
}  # fmt: skip


def unary(rng):
    for type_, (low, high, edges) in UNARY.items():
        for args in ARGUMENTS.get(type_, [{}]):
            yield type_, [uniform(rng, (3, 4), low, high)], args
            yield type_, [uniform(rng, (), low, high)], args
            yield type_, [edges], args
    for type_, (order, low, high) in GRADIENTS.items():
        for args in ARGUMENTS.get(type_, [{}]):
            drawn = {
                "V": uniform(rng, (3, 4), low, high),
                "dY": uniform(rng, (3, 4)),
                "Y": uniform(rng, (3, 4)),
            }
            yield type_ + "Gradient", [drawn[n] for n in order.split()], args
    for type_ in ("Negative", "Cube", "Sign"):
        for dtype in ("int32", "int64"):
            yield type_, [integers(rng, (5,), dtype)], {}


def binary(rng):
    for type_ in ("Add", "Sub", "Mul", "Div"):
        for a, b, args in NUMPY + LEGACY:
            A, B = away(rng, a), away(rng, b)
            yield type_, [A, B], args
            C = run(type_, [A, B], args, 1)[0]
            more = [C] if type_ == "Div" else []
            yield type_ + "Gradient", [away(rng, C.shape), A, B, *more], args
        for dtype in ("int32", "int64"):
            yield type_, [integers(rng, (20,), dtype), integers(rng, (20,), dtype, zero=False)], {}
    yield "DivGradient", [away(rng, (2, 3)) for _ in range(3)], {}
    for type_ in ("EQ", "NE", "LT", "LE", "GT", "GE"):
        for a, b, args in NUMPY + LEGACY:
            yield type_, [integers(rng, a, "int32") // 3, integers(rng, b, "int32") // 3], args
        yield type_, [np.repeat(EDGES, len(EDGES)), np.tile(EDGES, len(EDGES))], {}
        yield type_, [np.array([0, 0, 1, 1], bool), np.array([0, 1, 0, 1], bool)], {}
    for type_ in ("And", "Or", "Xor", "BitwiseAnd", "BitwiseOr", "BitwiseXor"):
        for a, b, args in NUMPY + LEGACY:
            yield type_, [integers(rng, a, "int32") > 0, integers(rng, b, "int32") > 0], args
    for type_ in ("BitwiseAnd", "BitwiseOr", "BitwiseXor"):
        for dtype in ("int32", "int64"):
            yield type_, [integers(rng, (9,), dtype), integers(rng, (9,), dtype)], {}
    yield "Not", [np.array([0, 1], bool)], {}
    for a, b, args in LEGACY:
        where = {k: v for k, v in args.items() if k != "broadcast"}
        yield "SumReduceLike", [uniform(rng, a), uniform(rng, b)], where
    for divisor in (3, -3, 7):
        for follow in (0, 1):
            args = {"divisor": divisor, "sign_follow_divisor": follow}
            yield "Mod", [integers(rng, (9,), "int32")], args
    for exponent in (-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 1.7):
        yield "Pow", [uniform(rng, (5,), 0.1, 3)], {"exponent": exponent}
        if exponent != 0.5:
            yield "Pow", [EDGES], {"exponent": exponent}
    for a, b, args in LEGACY[:5]:
        yield "Pow", [uniform(rng, a, 0.1, 3), uniform(rng, b, -2, 2)], args


def nary(rng):
    for type_ in ("Sum", "Max", "Min", "Mean"):
        for count in (1, 2, 4):
            yield type_, [uniform(rng, (2, 3)) for _ in range(count)], {}
    X = [integers(rng, (2, 5), "int32").astype(np.float32) // 4 for _ in range(3)]
    yield "MaxGradient", [np.max(X, 0), uniform(rng, (2, 5)), *X], {}, 3
    yield "MinGradient", [np.min(X, 0), uniform(rng, (2, 5)), *X], {}, 3
    yield "MeanGradient", [uniform(rng, (2, 3))], {}, 3
    pairs = [uniform(rng, s) for s in ((2, 3), (1,), (2, 3), (1,))]
    yield "WeightedSum", pairs, {}
    yield "WeightedSumGradient", [uniform(rng, (2, 3)), *pairs], {}, 2
    yield "WeightedSumGradient", [uniform(rng, (2, 3)), *pairs], {"grad_on_w": 1}, 4
    yield "RowMul", [uniform(rng, (3, 2, 2)), uniform(rng, (3,))], {}
    yield "SquareRootDivide", [uniform(rng, (3, 2)), np.array([4, 0, 0.3], np.float32)], {}
    yield "ScaleBlobs", [uniform(rng, (3,)), uniform(rng, (2, 2))], {"scale": 0.3}, 2
    for dtype in ("float32", "int32", "int64", "bool"):
        X, Y = (integers(rng, (4, 3), "int32").astype(dtype) for _ in range(2))
        yield "Where", [integers(rng, (4, 3), "int32") > 0, X, Y], {}
        yield "Where", [integers(rng, (4,), "int32") > 0, X, Y], {"broadcast_on_rows": 1}
        yield "Conditional", [integers(rng, (4,), "int32") > 0, X, Y], {}
    for dtype in ("int32", "int64"):
        yield "IsMemberOf", [integers(rng, (9,), dtype)], {"value": [-3, 2, 5]}
    for start, stop, step in ((0.0, 1.0, 0.3), (2.0, -3.0, -0.7), (1.0, 0.0, 1.0)):
        yield "Range", [np.array(v, np.float32) for v in (start, stop, step)], {}
    yield "Range", [np.array(5, np.int32)], {}
    yield "Range", [np.array(7, np.int64), np.array(-2, np.int64), np.array(-3, np.int64)], {}
    yield "Glu", [uniform(rng, (2, 6), -3, 3)], {}
    yield "Glu", [uniform(rng, (2, 4, 3), -3, 3)], {"dim": 1}
    for shape, size, args in (
        ((2, 3, 2, 2), 3, {}),
        ((2, 2, 3), 3, {"order": "NHWC"}),
        ((2, 3), 1, {}),
    ):
        X, slope = uniform(rng, shape), uniform(rng, (size,))
        yield "PRelu", [X, slope], args
        yield "PReluGradient", [X, uniform(rng, shape), X, slope], args, 2
    yield "EnsureClipped", [uniform(rng, (3, 2))], {"min": -0.5, "max": 0.2}


def uniform(rng, shape, low=-1.0, high=1.0):
    return np.asarray(rng.uniform(low, high, shape), np.float32)


def away(rng, shape):
    """Numbers of both signs away from 0."""
    return np.asarray(rng.uniform(0.3, 2, shape) * rng.choice([-1, 1], shape), np.float32)


def integers(rng, shape, dtype, zero=True):
    drawn = np.asarray(rng.randint(-9, 10, shape))
    return np.asarray(drawn if zero else np.where(drawn == 0, 4, drawn), dtype)


def run(type_, inputs, args, count):
    names = [f"in{k}" for k in range(len(inputs))]
    for name, value in zip(names, inputs):
        workspace.FeedBlob(name, value)
    outputs = [f"out{k}" for k in range(count)]
    workspace.RunOperatorOnce(core.CreateOperator(type_, names, outputs, **args))
    return [workspace.FetchBlob(o) for o in outputs]


class Pool:
    """Arrays laid end to end, one row of memory per dtype."""

    def __init__(self):
        self.parts, self.sizes = {}, {}

    def add(self, array):
        kind = str(array.dtype)
        at = self.sizes.get(kind, 0)
        self.parts.setdefault(kind, []).append(array.ravel())
        self.sizes[kind] = at + array.size
        return [kind, list(array.shape), at]


def main(path, seed=1):
    rng, pool, index = np.random.RandomState(seed), Pool(), []
    for family in (unary, binary, nary):
        for type_, inputs, args, *count in family(rng):
            if type_.endswith("Gradient") and type_[:-8] in ("Add", "Sub", "Mul", "Div"):
                count = [2]
            inputs = [np.asarray(x) for x in inputs]
            outputs = run(type_, inputs, args, *(count or [1]))
            index.append(
                [type_, args, [pool.add(x) for x in inputs], [pool.add(y) for y in outputs]]
            )
    arrays = {kind: np.concatenate(parts) for kind, parts in pool.parts.items()}
    np.savez_compressed(path, index=np.frombuffer(json.dumps(index).encode(), np.uint8), **arrays)
    print(len(index), "cases")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
