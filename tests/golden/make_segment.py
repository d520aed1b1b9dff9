"""What real Caffe2 gives for segments.

oracle python tests/golden/make_segment.py tests/golden/data/segment.npz
"""

import numpy as np
from asking import WORDS, Question, gradient, lengths_of, main, shape, uniform, whole

LENGTHS = ("LengthsSum", "LengthsMean", "LengthsMax")
SEGMENTS = [f"{order}Segment{what}" for order in ("Sorted", "Unsorted") for what in ("Sum", "Mean")]


def questions(rng):
    for type_ in LENGTHS:
        for _ in range(4):
            X = whole(rng, shape(rng, rng.randint(1, 4), 1, 8))
            lengths = lengths_of(rng, X.shape[0], int(rng.randint(1, 5))).astype(np.int32)
            yield Question(type_, [X, lengths])
            dY = uniform(rng, (lengths.size, *X.shape[1:]))
            if type_ != "LengthsMax":
                gradient_type = f"LengthsIndicesInGradient{type_[7:]}Gradient"
                yield Question(gradient_type, [dY, lengths, X])
                continue
            Y = np.array(
                [x.max(0) if len(x) else 0 * X[0] for x in np.split(X, np.cumsum(lengths)[:-1])]
            )
            gradient_type = "LengthsMaxWithMainInputAndForwardOutputGradient"
            yield Question(gradient_type, [Y.astype(np.float32), dY, lengths, X])
        X = uniform(rng, (3, 2))
        for lengths in ([1, 1], [1, 3], [4, -1]):
            yield Question(type_, [X, np.array(lengths, np.int32)])
        yield Question(type_, [X, np.array([3])])
        yield Question(type_, [np.zeros((0, 2), np.float32), np.array([0, 0], np.int32)])
        yield Question(type_, [np.zeros((0, 2), np.float32), np.zeros(0, np.int32)])
    for type_ in SEGMENTS:
        for _ in range(4):
            X = whole(rng, shape(rng, rng.randint(1, 4), 1, 8))
            N, in_order = X.shape[0], type_[0] == "S"
            ids = np.cumsum(rng.randint(0, 2, N)) if in_order else rng.randint(0, 5, N)
            ids = (ids - ids[0] if in_order else ids).astype(np.int32)
            args = {} if in_order or rng.rand() < 0.5 else {"num_segments": int(rng.randint(4, 7))}
            yield Question(type_, [X, ids], args)
            dY = uniform(rng, (ids.max() + 1 if in_order else 6, *X.shape[1:]))
            yield Question(f"{type_}Gradient", [dY, ids])
        X = uniform(rng, (3, 2))
        for ids in ([0, 2, 2], [1, 1, 2], [1, 0, 1], [0, 0], [-1, 0, 0]):
            yield Question(type_, [X, np.array(ids, np.int32)])
        yield Question(type_, [np.zeros((0, 2), np.float32), np.zeros(0, np.int32)])
    for type_ in ("LengthsRangeFill", "LengthsToRanges", "LengthsToSegmentIds"):
        for n in (0, 1, 4):
            yield Question(type_, [whole(rng, (n,), "int32", 0, 4)])
        yield Question(type_, [np.array([[1, 2]], np.int32)])
        yield Question(type_, [np.array([1, 2])])
    yield from packs(rng)


def packs(rng):
    for _ in range(5):
        dtype = ("float32", "int32", "int64", "object")[rng.randint(4)]
        size = shape(rng, rng.randint(1, 4), 1, 7)
        if dtype == "object":
            X = np.asarray(WORDS[rng.randint(0, len(WORDS), size)], object)
        else:
            X = whole(rng, size, dtype)
        lengths = lengths_of(rng, size[0], int(rng.randint(1, 5)))
        lengths = lengths.astype(("int32", "int64")[rng.randint(2)])
        args = {"max_length": int(rng.randint(-1, 6))}
        yield Question("PackSegments", [lengths, X], args)
        yield Question("PackSegments", [lengths, X], {**args, "return_presence_mask": 1}, 2)
        if dtype == "float32":
            yield Question("PackSegments", [lengths, X], {"pad_minf": 1})
        lengths = rng.randint(0, size[1] + 1 if len(size) > 1 else 2, size[0])
        yield Question("UnpackSegments", [lengths, X])
        if len(size) > 1:
            yield Question("UnpackSegments", [lengths + 1, X], {"max_length": size[1]})
            yield Question("UnpackSegments", [lengths, X], {"max_length": size[1] + 1})
    X = uniform(rng, (3, 2))
    yield Question("PackSegments", [np.array([1, 1]), X])
    yield Question("PackSegments", [np.array([2, 2]), X])
    yield Question("PackSegments", [np.zeros(2, np.int32), X[:0]])
    yield Question("PackSegments", [np.zeros(0, np.int32), X[:0]])
    yield Question("UnpackSegments", [np.array([1, 1]), X])


def gradients():
    for type_ in (*LENGTHS, *SEGMENTS):
        yield gradient(type_, 2, 1)
    yield gradient("PackSegments", 2, 1, {"max_length": 3})
    yield gradient("PackSegments", 2, 2, {"return_presence_mask": 1}, flowing=[0])
    yield gradient("UnpackSegments", 2, 1, {"max_length": 2})
    yield gradient("LengthsRangeFill", 1, 1)


if __name__ == "__main__":
    main(questions, gradients)
