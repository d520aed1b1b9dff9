"""What real Caffe2 gives for tables of few bits: the bytes of their rows, numbers back from them, lookups.

oracle python tests/golden/make_quantized_embedding.py tests/golden/data/quantized_embedding.npz
"""

import numpy as np
from asking import Question, gradient, lengths_of, main, uniform

FLOATS = {
    "FloatToFused8BitRowwiseQuantized": "float32",
    "FloatToFused8BitRowwiseQuantizedHalfScaleBias": "float32",
    "FloatToFused4BitRowwiseQuantized": "float32",
    "FloatToFused2BitRowwiseQuantized": "float32",
    "HalfFloatToFused8BitRowwiseQuantized": "float16",
    "HalfFloatToFused8BitRowwiseQuantizedHalfScaleBias": "float16",
    "HalfToFused4BitRowwiseQuantized": "float16",
    "HalfToFused2BitRowwiseQuantized": "float16",
}
BYTES = {
    "Fused8BitRowwiseQuantizedToFloat": "8",
    "Fused8BitRowwiseQuantizedToHalfFloat": "8",
    "Fused8BitRowwiseQuantizedHalfScaleBiasToFloat": "4",
    "Fused8BitRowwiseQuantizedHalfScaleBiasToHalfFloat": "4",
    "Fused4BitRowwiseQuantizedToFloat": "4",
    "Fused4BitRowwiseQuantizedToHalf": "4",
    "Fused2BitRowwiseQuantizedToFloat": "4",
    "Fused2BitRowwiseQuantizedToHalf": "4",
}
KINDS = ("Sum", "Mean", "WeightedSum")


def questions(rng):
    yield from quantized(rng)
    yield from dequantized(rng)
    yield from fused(rng)
    yield from rowwise(rng)


def numbers(rng, D):
    """Rows of many magnitudes, a constant one, one whose codes are ties, one of tiny numbers."""
    rows = [uniform(rng, D, -(10.0**k), 10.0**k) for k in (-3, 0, 0, 0, 2, 4)]
    rows += [np.full(D, rng.uniform(-9, 9)), np.arange(D) * 0.5, uniform(rng, D) * 1e-7]
    return np.array(rows, np.float32)


def quantized(rng):
    for type_, dtype in FLOATS.items():
        for D in (4, 8, 36):
            yield Question(type_, [numbers(rng, D).astype(dtype)])
        X = uniform(rng, (2, 3, 8)).astype(dtype)
        yield Question(type_, [X])
        yield Question(type_, [X[0, 0]])
        yield Question(type_, [X[:0]])
        yield Question(type_, [X.astype(np.float64)])
        if "8Bit" not in type_:
            yield Question(type_, [X[0, :, :3].copy()])
        else:
            yield Question(type_, [X[0, :, :5].copy()])
    yield Question("FloatToRowwiseQuantized8Bits", [numbers(rng, 9)], outputs=2)
    yield Question("FloatToRowwiseQuantized8Bits", [uniform(rng, (4, 2, 3))], outputs=2)
    yield Question("FloatToRowwiseQuantized8Bits", [uniform(rng, 3)], outputs=2)


def rows_of(rng, tail, codes=4):
    """Random codes, and scales and biases that floats of 16 bits hold."""
    pairs = rng.randint(-16, 17, (3, 2)) / 8
    dtype = np.float16 if tail == "4" else np.float32
    return np.concatenate(
        [rng.randint(0, 256, (3, codes)).astype(np.uint8), pairs.astype(dtype).view(np.uint8)],
        axis=1,
    )


def dequantized(rng):
    for type_, tail in BYTES.items():
        rows = rows_of(rng, tail, 5)
        for given in (rows, rows[0], rows[None], rows[:0], rows[:, 5:].copy(), rows[:, -3:].copy()):
            yield Question(type_, [given])
        yield Question(type_, [rows.astype(np.int32)])
    codes, pairs = rng.randint(0, 256, (3, 2, 2)).astype(np.uint8), uniform(rng, (3, 2))
    for given in (codes, codes[:, 0].copy(), codes[:, 0, 0].copy(), codes[:2]):
        yield Question("Rowwise8BitQuantizedToFloat", [given, pairs])


def segments(rng, rows=3):
    K = int(rng.randint(1, 25))
    picked = rng.randint(0, rows, K).astype(("int32", "int64")[rng.randint(2)])
    return picked, lengths_of(rng, K, int(rng.randint(1, 12))).astype(np.int32)


def fused(rng):
    for bits, tail in ((8, "8"), (4, "4"), (2, "4")):
        for what in KINDS:
            type_ = f"SparseLengths{what}Fused{bits}BitRowwise"
            rows = rows_of(rng, tail)
            for wrong in (False, False, True):
                picked, lengths = segments(rng)
                weights = [uniform(rng, picked.size)] if what == "WeightedSum" else []
                yield Question(type_, [rows, *weights, picked + 3 * wrong, lengths])
            yield Question(type_, [rows, *weights, picked, lengths[1:] + 1])
            yield Question(type_, [rows, *weights, picked, lengths.astype(np.int64)])
            type_ = f"SparseLengths{what}{bits}BitRowwiseSparse"
            mapping = np.array([0, -1, 1, 2, -1], np.int32)
            for size, mapped in ((5, mapping), (3, mapping[:1]), (3, mapping.astype(np.int64))):
                picked, lengths = segments(rng, size)
                weights = [uniform(rng, picked.size)] if what == "WeightedSum" else []
                yield Question(type_, [rows, *weights, picked, lengths, mapped])
            yield Question(type_, [rows, *weights, picked + 5, lengths, mapping])
    rows = rows_of(rng, "8")
    for picked in ([2, 0, 0], [], [3], [-1], [[0]]):
        yield Question("GatherFused8BitRowwise", [rows, np.array(picked, np.int64)])


def rowwise(rng):
    for what in (*KINDS, "WeightedMean"):
        type_ = f"SparseLengths{what}8BitsRowwise"
        for row in ((4,), (2, 3)):
            codes, pairs = rng.randint(0, 256, (3, *row)).astype(np.uint8), uniform(rng, (3, 2))
            picked, lengths = segments(rng)
            weights = [uniform(rng, picked.size)] if "Weighted" in what else []
            yield Question(type_, [codes, *weights, picked, lengths, pairs])
            yield Question(type_, [codes, *weights, picked + 3, lengths, pairs])
            yield Question(type_, [codes, *weights, picked, lengths, pairs[:2]])


def gradients():
    yield gradient("SparseLengthsSumFused8BitRowwise", 3, 1)
    yield gradient("FloatToFused4BitRowwiseQuantized", 1, 1)


if __name__ == "__main__":
    main(questions, gradients)
