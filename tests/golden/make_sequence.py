"""What real Caffe2 gives for sequences and strings.

oracle python tests/golden/make_sequence.py tests/golden/data/sequence.npz
"""

import numpy as np
from asking import WORDS, Question, gradient, lengths_of, main, uniform, whole

SPELLINGS = ("StringStartsWith", "prefix"), ("StringEndsWith", "suffix"), ("StringEquals", "text")


def questions(rng):
    yield from paddings(rng)
    yield from ranges(rng)
    yield from lengths_made_rows(rng)
    yield from lengths_made_numbers(rng)
    yield from packed(rng)
    yield from segments(rng)
    yield from strings(rng)


def int32(*numbers):
    return np.array(numbers, np.int32)


def paddings(rng):
    for _ in range(3):
        lengths = rng.randint(4, 7, 3).astype(np.int32)
        row = ((2,), (), (2, 1))[rng.randint(3)]
        dtype = ("float32", "int32", "int64", "float64")[rng.randint(4)]
        X = whole(rng, (lengths.sum(), *row), dtype)
        args = {"padding_width": int(rng.randint(1, 3)), "end_padding_width": int(rng.randint(3))}
        args = args if rng.rand() < 0.7 else {}
        pads = [whole(rng, row, dtype) for _ in range(2)]
        for given in ([], pads[:1], pads):
            yield Question("AddPadding", [X, lengths, *given], args, 2)
        yield Question("AddPadding", [X], args)
        yield Question("RemovePadding", [X, lengths], args, 2)
        yield Question("RemovePadding", [X], args)
        yield Question("GatherPadding", [X, lengths], args, 2)
        yield Question("GatherPadding", [X, lengths], args)
    X = uniform(rng, (5, 2))
    for type_ in ("AddPadding", "RemovePadding"):
        yield Question(type_, [X, int32(2, 4)], outputs=2)
        yield Question(type_, [X, int32(6, -1)], outputs=2)
        yield Question(type_, [X, np.array([2, 3])], outputs=2)
        yield Question(type_, [X], {"padding_width": -1})
    yield Question("RemovePadding", [X, int32(1, 4)], outputs=2)
    yield Question("AddPadding", [X, int32(2, 3), X[0, :1]], outputs=2)


def ranges(rng):
    for dtype in ("float32", "int64", "object"):
        X = (
            np.asarray(WORDS[rng.randint(0, 6, 9)], object)
            if dtype == "object"
            else whole(rng, 9, dtype)
        )
        R = np.stack([rng.randint(0, 6, (3, 2)), rng.randint(0, 4, (3, 2))], 2)
        yield Question("GatherRanges", [X, R.astype(("int32", "int64")[rng.randint(2)])], outputs=2)
    yield Question("GatherRanges", [X, np.array([[[8, 2]]])], outputs=2)
    yield Question("GatherRanges", [X, R[0]], outputs=2)
    X, type_ = uniform(rng, 9), "GatherRangesToDense"
    R = np.array([[[2, 4], [0, 2]], [[0, 0], [6, 2]], [[1, 4], [5, 2]]])
    key = rng.permutation(9)
    for inputs in ([X, R], [X, R.astype(np.int32), key], [X.astype(np.int32), R, key]):
        yield Question(type_, inputs, {"lengths": [4, 2]}, 2)
        yield Question(type_, inputs, {"lengths": [4, 3]}, 2)
    for share in (0.3, 0.4):
        args = {"lengths": [4, 2], "min_observation": 1, "max_empty_ratio": share}
        yield Question(type_, [X, R], args, 2)
        args = {"lengths": [3, 2], "min_observation": 1, "max_mismatched_ratio": share + 0.3}
        yield Question(type_, [X, R], args, 2)
    yield Question(type_, [X, R], {"lengths": [4, 2]}, 1)
    yield Question(type_, [X, R], {"lengths": [4, 0]}, 2)
    yield Question(type_, [X, R, key.astype(np.int32)], {"lengths": [4, 2]}, 2)
    yield Question(type_, [X, R], {"lengths": [4, 2], "min_observation": 0}, 2)
    yield Question(type_, [X, R], {}, 2)


def lengths_made_rows(rng):
    for X in (whole(rng, 10), uniform(rng, (10, 2)), WORDS[rng.randint(0, 6, 10)]):
        lengths = lengths_of(rng, 10, 5).astype(np.int32)
        picked = rng.randint(0, 5, 4).astype(("int32", "int64")[rng.randint(2)])
        yield Question("LengthsGather", [X, lengths, picked])
        yield Question("LengthsGather", [X, lengths, picked + 3])
        yield Question("LengthsGather", [X, lengths + 1, picked])
        yield Question("LengthsTile", [X[:5], lengths])
        yield Question("LengthsTile", [X, lengths])
    yield Question("LengthsTile", [X[:2], int32(1, -1)])
    for dtype in ("float32", "int32", "int64", "float64"):
        X = whole(rng, (6, 2), dtype)
        yield Question("LengthsPad", [X, int32(2, 0, 4)], {"target_length": 4})
        args = {"target_length": 5, "padding_value": -1.5}
        yield Question("LengthsPad", [X, int32(2, 0, 4)], args)
    for args in ({"target_length": 3}, {}, {"target_length": 0}):
        yield Question("LengthsPad", [X, int32(2, 0, 4)], args)
    yield Question("LengthsPad", [X, int32(2, 0, 3)], {"target_length": 4})


def lengths_made_numbers(rng):
    lengths = whole(rng, 6, "int32", 0, 9)
    for args in ({"n_split": 1}, {"n_split": 4}, {}, {"n_split": 0}):
        yield Question("LengthsSplit", [lengths], args)
        yield Question("LengthsSplit", [lengths, int32(3)], args)
    yield Question("LengthsSplit", [lengths, int32(2, 3)])
    yield Question("LengthsSplit", [lengths.astype(np.int64)], {"n_split": 2})
    for X in (lengths, lengths[:0], lengths.astype(np.int64)):
        yield Question("LengthsToOffsets", [X])
        yield Question("LengthsToOffsets", [X], {"include_last_offset": 1})
        for args in ({}, {"power": 2.0}, {"power": -1.0}):
            yield Question("LengthsToWeights", [X], args)
    for X in (int32(3, 3, 3), int32(0), int32(1, 2), int32(), np.array([2, 2])):
        yield Question("LengthsToShape", [X])
    yield Question("LengthsToWeights", [int32(2, -1)])
    for dtype in (np.int32, np.int64):
        lists = [int32(2, 0, 4), rng.randint(-3, 5, 6).astype(dtype)]
        more = [int32(1, 2, 1), rng.randint(-3, 5, 4).astype(dtype)]
        yield Question("MergeIdLists", lists, outputs=2)
        yield Question("MergeIdLists", lists + more, outputs=2)
        yield Question("MergeIdLists", [*lists, *more, *lists], outputs=2)
    yield Question("MergeIdLists", lists[:1], outputs=2)
    yield Question("MergeIdLists", [*lists, int32(1), lists[1][:1]], outputs=2)
    yield Question("MergeIdLists", [*lists, more[0], int32(1, 2, 3, 4)], outputs=2)


def packed(rng):
    for dtype in ("float32", "int32", "int64", "float64"):
        lengths = lengths_of(rng, 8, 4).astype(np.int32)
        X = whole(rng, (8, 2), dtype)
        yield Question("PackRNNSequence", [X, lengths])
        P = whole(rng, (lengths.max() + rng.randint(2), 4, 2), dtype)
        yield Question("UnpackRNNSequence", [P, lengths])
        for kind in (np.int32, np.int64):
            yield Question("ReversePackedSegs", [P, lengths.astype(kind)])
        yield Question("PadEmptySamples", [lengths, X, np.arange(8)], outputs=3)
    yield Question("PackRNNSequence", [X[:, 0].copy(), lengths])
    yield Question("PackRNNSequence", [X, lengths.astype(np.int64)])
    yield Question("UnpackRNNSequence", [P[:, :, 0].copy(), lengths])
    yield Question("ReversePackedSegs", [P, lengths + len(P) + 1])
    yield Question("ReversePackedSegs", [P, lengths[:3]])
    yield Question("PadEmptySamples", [lengths, X[:7]], outputs=2)
    yield Question("PadEmptySamples", [lengths, X], outputs=1)
    yield Question("PadEmptySamples", [lengths, WORDS[rng.randint(0, 6, 8)]], outputs=2)
    yield Question("PadEmptySamples", [lengths])


def segments(rng):
    for type_ in ("SegmentIdsToLengths", "SegmentIdsToRanges"):
        for dtype in (np.int32, np.int64):
            ids = np.sort(rng.randint(0, 5, 6)).astype(dtype)
            yield Question(type_, [ids])
            yield Question(type_, [ids, uniform(rng, (7, 2))])
            yield Question(type_, [ids[:0]])
        yield Question(type_, [ids, uniform(rng, ids[-1])])
        yield Question(type_, [int32(0, 2, 1)])
        yield Question(type_, [uniform(rng, 3)])
    P = np.tile(np.arange(1, 9)[:, None], (1, 2))
    for args in ({"embedding_size": 6}, {"embedding_size": 5, "alpha": 9.0, "amplitude": 2.0}, {}):
        for dtype in (np.int32, np.int64):
            yield Question("SinusoidPositionEncoding", [P.astype(dtype)], args)
    yield Question("SinusoidPositionEncoding", [P[:, 0].copy()])


def strings(rng):
    X = np.array([b"abc", b"bc", b"", b"defghi", b"abcabc", b"ab"], object)
    for type_, arg in SPELLINGS:
        for sought in ("bc", "ab", "", "abcabcabc"):
            yield Question(type_, [X], {arg: sought})
        yield Question(type_, [X.reshape(2, 3)])
        yield Question(type_, [int32(1)], {arg: "a"})
    for type_ in ("StringPrefix", "StringSuffix"):
        for args in ({}, {"length": 0}, {"length": 2}, {"length": 9}, {"length": -1}):
            yield Question(type_, [X.reshape(3, 2)], args)
    for args in ({}, {"axis": 1}, {"delimiter": ""}, {"delimiter": "--", "axis": 0}, {"axis": 2}):
        yield Question("StringJoin", [X], args)
        yield Question("StringJoin", [X.reshape(3, 2)], args)
    numbers = np.array([[1.5, -2], [1 / 3, 1e20], [np.inf, 123456789]])
    for dtype in ("float32", "float64"):
        yield Question("StringJoin", [numbers.astype(dtype)])
    for dtype in ("int32", "int64", "bool", "int8", "uint8", "int16", "uint16"):
        yield Question("StringJoin", [np.array([[65, 66], [67, 1]]).astype(dtype)])
    yield Question("StringJoin", [X.reshape(3, 2, 1)])


def gradients():
    args = {"padding_width": 2, "end_padding_width": 1}
    for type_ in ("AddPadding", "RemovePadding"):
        yield gradient(type_, 1, 1, args)
        yield gradient(type_, 2, 2, args, flowing=[0])
    yield gradient("AddPadding", 3, 2, args, flowing=[0])
    yield gradient("AddPadding", 4, 2, args, flowing=[0])
    for type_ in ("LengthsTile", "PackRNNSequence", "UnpackRNNSequence", "ReversePackedSegs"):
        yield gradient(type_, 2, 1)
    yield gradient("MergeIdLists", 4, 2)


if __name__ == "__main__":
    main(questions, gradients)
