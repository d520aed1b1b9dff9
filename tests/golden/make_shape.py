"""What real Caffe2 gives for shapes, copies and casts.

oracle python tests/golden/make_shape.py tests/golden/data/shape.npz
"""

import numpy as np
from asking import WORDS, Question, gradient, main, shape, uniform, whole

DTYPES = ("float32", "int32", "int64", "float64", "uint8", "bool", "object")


def any_tensor(rng, size, dtype=None):
    dtype = dtype or DTYPES[rng.randint(len(DTYPES))]
    if dtype == "object":
        return np.asarray(WORDS[rng.randint(0, len(WORDS), size)], object).reshape(size)
    return whole(rng, size, low=0).astype(dtype)


def questions(rng):
    yield from reshapes(rng)
    yield from joins(rng)
    yield from parts(rng)
    yield from repeats(rng)
    yield from casts(rng)


def reshapes(rng):
    for _ in range(6):
        X = any_tensor(rng, shape(rng, rng.randint(0, 4)))
        wanted = factors(rng, X.shape)
        yield Question("Reshape", [X], {"shape": wanted}, 2)
        dtype = ("int32", "int64")[rng.randint(2)]
        if wanted:
            yield Question("Reshape", [X, np.array(wanted, dtype)], {}, 2)
    for size, wanted in [
        ((0, 3), [0, 5]),
        ((0, 3), [-1, 3]),
        ((0, 3), [3, -1]),
        ((2, 0), [0, 0, -1]),
    ]:
        yield Question("Reshape", [np.zeros(size, np.float32)], {"shape": wanted}, 2)
    X = uniform(rng, (2, 3))
    for wanted in ([-1, -1], [4, -1], [5], [0, 0, 0], [-2, 3]):
        yield Question("Reshape", [X], {"shape": wanted}, 2)
    yield Question("Reshape", [X], {}, 2)
    yield Question("Reshape", [X, np.array([6])], {"shape": [6]}, 2)
    yield Question("Reshape", [X], {"shape": [3, 2]}, 2, inplace=[(0, 0)])
    for _ in range(4):
        X = any_tensor(rng, shape(rng, rng.randint(0, 4)))
        yield Question("Flatten", [X], {"axis": int(rng.randint(-1, X.ndim + 2))})
        yield Question("FlattenToVec", [X])
        yield Question("ResizeLike", [X, np.zeros(int(rng.randint(1, 9)), np.float32)])
        yield Question("ResizeLike", [X, np.zeros((1, X.size), np.int32)])
        yield Question("Shape", [X], {"axes": [int(a) for a in rng.randint(0, 4, rng.randint(3))]})
        yield Question("Size", [X])
        yield Question("PrependDim", [X], {"dim_size": int(rng.randint(0, 4))})
        yield Question("MergeDim", [X])
        dims = sorted(
            {int(d) for d in rng.randint(-1 if rng.rand() < 0.1 else 0, 5, rng.randint(1, 3))}
        )
        yield Question("ExpandDims", [X], {"dims": dims})
        size = [1 if k in dims and rng.rand() < 0.9 else n for k, n in enumerate(shape(rng, 5))]
        yield Question("Squeeze", [any_tensor(rng, size)], {"dims": dims})
        ndim = rng.randint(1, 5)
        X = whole(rng, shape(rng, ndim), ("float32", "int32", "int64", "float64")[rng.randint(4)])
        axes = [int(a) for a in rng.permutation(ndim)]
        yield Question("Transpose", [X], {"axes": axes} if rng.rand() < 0.8 else {})
        yield Question("Transpose", [X], {"axes": [*axes[:-1], 1]})
        for type_ in ("NCHW2NHWC", "NHWC2NCHW"):
            yield Question(type_, [uniform(rng, shape(rng, rng.randint(2, 6)))])


def factors(rng, size):
    """A shape with as many elements, some entries told by 0 and -1."""
    left, wanted = int(np.prod(size)), []
    while left > 1:
        d = [k for k in range(2, left + 1) if left % k == 0][rng.randint(0, 2) if left > 3 else 0]
        wanted.append(d)
        left //= d
    wanted = [wanted[k] for k in rng.permutation(len(wanted))] + [1] * rng.randint(2)
    for k, d in enumerate(wanted):
        if k < len(size) and size[k] == d and rng.rand() < 0.5:
            wanted[k] = 0
    if wanted and rng.rand() < 0.5:
        wanted[rng.randint(len(wanted))] = -1
    return wanted


def joins(rng):
    for type_ in ("Concat", "DepthConcat"):
        for _ in range(5):
            ndim, n = rng.randint(1, 5), rng.randint(1, 4)
            size, axis = list(shape(rng, ndim)), int(rng.randint(-ndim, ndim))
            inputs, dtype = [], DTYPES[rng.randint(len(DTYPES))]
            for _ in range(n):
                size[axis] = int(rng.randint(0, 4))
                inputs.append(any_tensor(rng, size, dtype))
            yield Question(type_, inputs, {"axis": axis}, 2)
        same = [uniform(rng, (2, 3)) for _ in range(3)]
        for axis in (0, 1, 2, -1, 3, -4):
            yield Question(type_, same, {"axis": axis, "add_axis": 1}, 2)
        images = [uniform(rng, (2, 3, 2, 3)) for _ in range(2)]
        for args in ({}, {"order": "NCHW"}, {"order": "NHWC"}, {"axis": 1, "order": "NCHW"}):
            yield Question(type_, images, args, 2)
    yield Question("Concat", [uniform(rng, (2, 3)), uniform(rng, (2, 2))], {"axis": 0}, 2)
    yield Question("Concat", [uniform(rng, (2, 3)), whole(rng, (2, 3), "int32")], {"axis": 0}, 2)
    for type_ in ("Split", "DepthSplit"):
        for _ in range(5):
            ndim, n = rng.randint(1, 5), int(rng.randint(1, 4))
            size, axis = list(shape(rng, ndim)), int(rng.randint(-ndim, ndim))
            sizes = rng.randint(0, 4, n)
            size[axis] = int(sizes.sum())
            X = any_tensor(rng, size)
            yield Question(type_, [X], {"axis": axis, "split": [int(s) for s in sizes]}, n)
            yield Question(type_, [X, sizes.astype(np.int32)], {"axis": axis}, n)
            yield Question(type_, [X], {"axis": axis}, n)
        X = uniform(rng, (2, 3, 2, 4))
        yield Question(type_, [X], {"axis": 1, "add_axis": 1}, 3)
        yield Question(type_, [X], {"axis": -1, "add_axis": 1}, 4)
        yield Question(type_, [X], {"axis": 1, "add_axis": 1}, 2)
        yield Question(type_, [X], {"order": "NHWC"}, 2)
        yield Question(type_, [X], {"split": [1, 1]}, 2)
        yield Question(type_, [X, np.array([1, 2], np.int32)], {"split": [1, 2]}, 2)
    for scale in (0, 1):
        lengths = rng.randint(0, 3, 6).astype(np.int32)
        X = uniform(rng, (2, max(int(lengths.sum()), 1) * (1 + scale)))
        for n in (2, 3, 4):
            args = {"axis": 1, "use_scaling_lengths": scale}
            yield Question("SplitByLengths", [X, lengths], args, n)
            yield Question("SplitByLengths", [X.T.copy(), lengths], {**args, "axis": -2}, n)


def parts(rng):
    for _ in range(8):
        ndim = rng.randint(1, 4)
        X = any_tensor(rng, shape(rng, ndim))
        starts, ends = [0] * ndim, [-1] * ndim
        cut = rng.randint(ndim)
        starts[cut], ends[cut] = int(rng.randint(-6, 7)), int(rng.randint(-6, 7))
        n = rng.randint(cut + 1, ndim + 1)
        args = {"starts": starts[:n], "ends": ends[:n]}
        yield Question("Slice", [X], args)
        dtype = ("int32", "int64")[rng.randint(2)]
        inputs = [np.array(args["starts"], dtype), np.array(args["ends"], dtype)]
        yield Question("Slice", [X, *inputs])
        X = X if X.dtype == np.float32 else uniform(rng, X.shape)
        size = X.shape[cut]
        begin = int(rng.randint(0, size))
        starts[cut], ends[cut] = begin, int(rng.randint(begin, size + 1))
        dY = uniform(rng, X.shape).take(range(begin, ends[cut]), cut)
        yield Question("SliceGradient", [X, dY], {"starts": starts, "ends": ends})
        yield Question("SliceGradient", [X, np.array(starts), np.array(ends), dY])
    yield Question("Slice", [uniform(rng, (3, 3))], {"starts": [1, 1], "ends": [2, 2]})
    yield Question("Slice", [uniform(rng, (3, 3))], {"starts": [0], "ends": [-1, -1]})
    rows = rng.randint(0, 4, 3)
    X, row = uniform(rng, (4, 2)), uniform(rng, (2,))
    yield Question("CopyRowsToTensor", [X, rows, row], inplace=[(0, 0)])
    yield Question("CopyRowsToTensor", [X, rows, row[:1]], inplace=[(0, 0)])
    yield Question("CopyRowsToTensorGradient", [X], inplace=[(0, 0)])


def repeats(rng):
    for _ in range(4):
        ndim = rng.randint(1, 4)
        X = any_tensor(rng, shape(rng, ndim))
        X = X.astype(np.int32) if X.dtype == bool else X
        tiles, axis = int(rng.randint(0, 4)), int(rng.randint(-ndim - 1, ndim + 1))
        yield Question("Tile", [X], {"tiles": tiles, "axis": axis})
        count, place = np.array([tiles], np.int32), np.array([axis], np.int32)
        yield Question("Tile", [X, count], {"axis": axis})
        yield Question("Tile", [X, count, place])
        axis, tiles = int(rng.randint(0, ndim)), tiles or 1
        dY = uniform(rng, [n * tiles if k == axis else n for k, n in enumerate(X.shape)])
        yield Question("TileGradient", [dY], {"tiles": tiles, "axis": axis})
        yield Question(
            "TileGradient", [dY, np.array([tiles], np.int32), np.array([axis], np.int32)]
        )
        repeats = rng.randint(0, 4, ndim)
        yield Question("NumpyTile", [X, repeats])
        X = whole(
            rng, shape(rng, ndim, 1, 2), ("float32", "int32", "int64", "float64")[rng.randint(4)]
        )
        wanted = rng.randint(-1, 4, rng.randint(1, 5))
        yield Question("Expand", [X, wanted])
        small = [1 if rng.rand() < 0.5 else n for n in (2, 3, 2)][rng.randint(3) :]
        yield Question("ExpandGradient", [uniform(rng, (2, 3, 2)), uniform(rng, small)])
    yield Question("Tile", [X], {"tiles": 2})
    yield Question("NumpyTile", [uniform(rng, (2, 2)), np.array([2])])
    yield Question("NumpyTile", [uniform(rng, (2, 2)), np.array([2, -1])])


def casts(rng):
    for source in (
        "float32",
        "int32",
        "int64",
        "float64",
        "uint8",
        "int8",
        "int16",
        "uint16",
        "bool",
    ):
        X = np.asarray(
            uniform(rng, (7,), 0, 90) if source[0] == "f" else rng.randint(0, 3, 7), source
        )
        for to in (
            "float",
            "int32",
            "int64",
            "double",
            "bool",
            "uint8",
            "int8",
            "int16",
            "uint16",
            "string",
        ):
            yield Question("Cast", [X], {"to": to})
    for to in (1, 2, 4, 5, 6, 7, 8, 9, 10, 13):
        yield Question("Cast", [np.array([-1.7, -0.5, 0, 2.7, 99.5], np.float32)], {"to": to})
    yield Question("Cast", [uniform(rng, (2,))], {"to": "foo"})
    yield Question("Cast", [uniform(rng, (2,))], {"to": 11})
    yield Question("Cast", [WORDS], {"to": "int32"})
    yield Question("Cast", [uniform(rng, (2,))])
    X = np.array([1, 65504, 65520, -1e6, 1e-8, 0.1, 2049, 6e-8], np.float32)
    yield Question("FloatToHalf", [X])
    yield Question("FloatToHalf", [X], {"clip": 1})
    yield Question("FloatToHalf", [uniform(rng, (2, 3))])
    yield Question("HalfToFloat", [uniform(rng, (2, 3)).astype(np.float16)])
    for type_ in ("Copy", "Alias", "EnsureCPUOutput", "EnsureDense", "CopyFromCPUInput"):
        yield Question(type_, [any_tensor(rng, shape(rng, 2))])
    yield Question("CopyOnDeviceLike", [any_tensor(rng, shape(rng, 2)), uniform(rng, (1,))])
    for size in ((2, 3), (0, 2), ()):
        yield Question("HasElements", [np.zeros((0, 1), np.float32), uniform(rng, size)])
        yield Question("IsEmpty", [uniform(rng, size)])
    for X in (np.array([1, 2]), np.array([True, False]), np.zeros(0, np.int32), uniform(rng, (2,))):
        yield Question("Assert", [X], {}, 0)
    yield Question("Fail", [], {}, 0)


def gradients():
    yield gradient("Reshape", 1, 2, {"shape": [1, 2]})
    yield gradient("Reshape", 2, 2)
    yield gradient("Flatten", 1, 1, {"axis": 2})
    yield gradient("Squeeze", 1, 1, {"dims": [0, 2]})
    yield gradient("ExpandDims", 1, 1, {"dims": [0, 2]})
    yield gradient("Transpose", 1, 1, {"axes": [2, 0, 1]})
    yield gradient("PrependDim", 1, 1, {"dim_size": 2})
    yield gradient("Concat", 3, 2, {"axis": 1, "add_axis": 1})
    yield gradient("Concat", 2, 2, flowing=[0])
    yield gradient("Concat", 2, 2, flowing=[])
    yield gradient("DepthConcat", 2, 2, {"order": "NHWC"})
    yield gradient("Split", 1, 3, {"axis": 1})
    yield gradient("Split", 2, 2, {"order": "NHWC"})
    yield gradient("DepthSplit", 1, 2)
    yield gradient("SplitByLengths", 2, 2, {"axis": 1})
    yield gradient("Slice", 1, 1, {"starts": [1], "ends": [2]})
    yield gradient("Slice", 3, 1)
    yield gradient("Tile", 1, 1, {"tiles": 2, "axis": 0})
    yield gradient("Tile", 2, 1, {"axis": 0})
    yield gradient("Tile", 3, 1)
    yield gradient("Expand", 2, 1)
    yield gradient("Cast", 1, 1, {"to": 2, "from_type": 1})
    yield gradient("Cast", 1, 1, {"to": "double", "from_type": "float"})
    yield gradient("FloatToHalf", 1, 1, {"clip": 1})
    for type_ in ("Transpose", "FlattenToVec", "NCHW2NHWC", "NHWC2NCHW", "HalfToFloat"):
        yield gradient(type_, 1, 1)
    for type_ in ("Copy", "Alias", "EnsureDense", "EnsureCPUOutput"):
        yield gradient(type_, 1, 1)


if __name__ == "__main__":
    main(questions, gradients)
