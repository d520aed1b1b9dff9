"""What real Caffe2 gives for weighted segments, ranges of segments, and lookups in tables.

oracle python tests/golden/make_lookup.py tests/golden/data/lookup.npz
"""

import numpy as np
from asking import Question, gradient, lengths_of, main, shape, uniform, whole

RANGES = [f"SortedSegmentRange{how}" for how in ("Sum", "Mean", "Max", "LogSumExp", "LogMeanExp")]
SEGMENTS = [
    f"Sparse{order}Segment{how}"
    for order in ("Sorted", "Unsorted")
    for how in ("Sum", "Mean", "WeightedSum")
]
LOOKUPS = [f"SparseLengths{how}" for how in ("Sum", "Mean", "WeightedSum", "PositionalWeightedSum")]


def questions(rng):
    yield from weighted(rng)
    yield from ranges(rng)
    yield from segments(rng)
    yield from lookups(rng)


def ids_of(rng, n, in_order):
    ids = np.cumsum(rng.randint(0, 2, n)) if in_order else rng.randint(0, 4, n)
    return (ids - ids[0] if in_order else ids).astype(np.int32)


def weighted(rng):
    for _ in range(3):
        X = whole(rng, shape(rng, rng.randint(1, 4), 1, 8))
        W = uniform(rng, X.shape[:1])
        lengths = lengths_of(rng, X.shape[0], int(rng.randint(1, 5))).astype(np.int32)
        dY = uniform(rng, (lengths.size, *X.shape[1:]))
        yield Question("LengthsWeightedSum", [X, W, lengths])
        yield Question("LengthsWeightedSumGradient", [W, dY, lengths])
        both = "LengthsWeightedSumWithMainInputGradient"
        yield Question(both, [W, dY, lengths, X], {"grad_on_weights": 1}, 2)
        for order in ("Sorted", "Unsorted"):
            ids = ids_of(rng, X.shape[0], order == "Sorted")
            args = {} if order == "Sorted" else {"num_segments": 5}
            yield Question(f"{order}SegmentWeightedSum", [X, W, ids], args)
            dY = uniform(rng, (ids.max() + 1, *X.shape[1:]))
            yield Question(f"{order}SegmentWeightedSumGradient", [W, dY, ids])
    X, W, ids = uniform(rng, (3, 2)), uniform(rng, 3), np.array([0, 0, 1], np.int32)
    yield Question("LengthsWeightedSum", [X, W, ids + 1])
    yield Question("LengthsWeightedSum", [X, W[:2], ids])
    yield Question("LengthsWeightedSum", [X, W, ids.astype(np.int64)])
    yield Question("SortedSegmentWeightedSum", [X, W, ids[::-1].copy()])
    yield Question("UnsortedSegmentWeightedSum", [X, W[:2], ids])


def ranges(rng):
    for type_ in RANGES:
        for _ in range(2):
            X = whole(rng, shape(rng, rng.randint(1, 4), 1, 8))
            ids = ids_of(rng, X.shape[0], True)
            question = Question(type_, [X, ids])
            yield question
            Y = question.ask()[0]
            yield Question(f"{type_}Gradient", [X, Y, uniform(rng, Y.shape), ids])
        X = uniform(rng, (3, 2))
        for ids in ([0, 2, 2], [1, 1, 2], [1, 0, 1]):
            yield Question(type_, [X, np.array(ids, np.int32)])
        yield Question(type_, [X[:0], np.zeros(0, np.int32)])


def segments(rng):
    for type_ in SEGMENTS:
        in_order = "Sorted" in type_
        X, W = uniform(rng, (5, 3)), uniform(rng, 6)
        weights = [W] if "Weighted" in type_ else []
        for dtype in (np.int32, np.int64):
            picked = rng.randint(0, 5, 6).astype(dtype)
            args = {} if in_order else {"num_segments": 5}
            yield Question(type_, [X, *weights, picked, ids_of(rng, 6, in_order)], args)
        yield Question(type_, [X, *weights, picked + 5, ids_of(rng, 6, in_order)])
        yield Question(type_, [X, *weights, picked[:5], ids_of(rng, 6, in_order)])


def lookups(rng):
    for type_ in LOOKUPS:
        for dtype in ("float32", "float16"):
            for size in ((5, 3), (6,), (4, 2, 2), (3, 20)):
                X = uniform(rng, size).astype(dtype)
                K = int(rng.randint(1, 30))
                picked = rng.randint(0, size[0], K)
                picked = picked.astype(("int32", "int64")[rng.randint(2)])
                lengths = lengths_of(rng, K, int(rng.randint(1, 12))).astype(np.int32)
                weights = [uniform(rng, K)] if "Weighted" in type_ else []
                yield Question(type_, [X, *weights, picked, lengths])
        X, lengths = uniform(rng, (4, 2)), np.array([2, 0, 1], np.int32)
        weights = [uniform(rng, 3)] if "Weighted" in type_ else []
        for picked in ([0, 4, 1], [0, -1, 1], [[0, 1, 1]]):
            yield Question(type_, [X, *weights, np.array(picked), lengths])
        picked = np.array([3, 0, 1])
        for other in ([2, 0], [2, 2], [4, -1], []):
            yield Question(type_, [X, *weights, picked, np.array(other, np.int32)])
        yield Question(type_, [X, *weights, picked, lengths.astype(np.int64)])
        yield Question(type_, [X[:0], *[w[:0] for w in weights], picked[:0], lengths * 0])
    mapping = np.array([0, -1, 1, 2, -1], np.int32)
    for dtype in (np.int32, np.int64):
        picked = rng.randint(0, 5, 8).astype(dtype)
        inputs = [picked, lengths_of(rng, 8, 4).astype(np.int32), mapping]
        yield Question("SparseLengthsSumSparseLookup", inputs, outputs=2)
        yield Question("SparseLengthsSumSparseLookup", [*inputs, uniform(rng, 8)], outputs=3)
        yield Question("SparseLengthsSumSparseLookup", [picked + 5, *inputs[1:]], outputs=2)
    yield from lookup_gradients(rng)


def lookup_gradients(rng):
    X, dY, lengths = uniform(rng, (4, 2)), uniform(rng, (3, 2)), np.array([2, 0, 3], np.int32)
    W, picked = uniform(rng, 5), np.array([0, 3, 1, 3, 3])
    type_ = "SparseLengthsIndicesInGradient"
    for how in ("Sum", "Mean"):
        yield Question(f"{type_}{how}Gradient", [dY, lengths, picked])
    yield Question(f"{type_}WeightedSumGradient", [W, dY, lengths, picked])
    both = f"{type_}WeightedSumWithMainInputGradient"
    yield Question(both, [W, dY, lengths, X, picked], {"grad_on_weights": 1}, 2)


def gradients():
    for type_ in (
        *RANGES,
        "LengthsWeightedSum",
        "SparseLengthsSum",
        "SparseLengthsMean",
        *SEGMENTS,
    ):
        weighted, sparse = "Weighted" in type_, "Sparse" in type_
        yield gradient(type_, 2 + weighted + sparse, 1)
    yield gradient("SparseLengthsWeightedSum", 4, 1)
    yield gradient("SortedSegmentWeightedSum", 3, 1)
    yield gradient("UnsortedSegmentWeightedSum", 3, 1, {"num_segments": 4})
    yield gradient("LengthsWeightedSum", 3, 1, {"grad_on_weights": 1})
    yield gradient("SparseLengthsWeightedSum", 4, 1, {"grad_on_weights": 1})


if __name__ == "__main__":
    main(questions, gradients)
