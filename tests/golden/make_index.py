"""What real Caffe2 gives for indices, masks and buckets.

oracle python tests/golden/make_index.py tests/golden/data/index.npz
"""

import numpy as np
from asking import WORDS, Question, gradient, lengths_of, main, shape, uniform, whole

INDEX = ("int32", "int64")


def questions(rng):
    yield from gathers(rng)
    yield from scatters(rng)
    yield from sparse(rng)
    yield from sorts(rng)
    yield from one_hots(rng)
    yield from buckets(rng)
    yield from masks(rng)


def drawn(rng, limit, size, below=0):
    return np.asarray(rng.randint(below, limit, size), INDEX[rng.randint(2)])


def gathers(rng):
    for _ in range(5):
        ndim = rng.randint(1, 4)
        X = uniform(rng, shape(rng, ndim))
        axis = int(rng.randint(-ndim, ndim))
        limit = X.shape[axis]
        indices = drawn(rng, limit, shape(rng, rng.randint(0, 3), 0, 3), below=-limit)
        yield Question("Gather", [X, indices], {"axis": axis})
        yield Question("Gather", [WORDS, drawn(rng, len(WORDS), 4)])
        X = uniform(rng, shape(rng, 3))
        args = {"axis": int(rng.randint(1, 3)), "match_outer": 1}
        inner = shape(rng, rng.randint(1, 3))
        indices = drawn(rng, X.shape[args["axis"]], X.shape[: args["axis"]] + inner)
        yield Question("Gather", [X, indices], args)
        indices = drawn(rng, X.shape[1], shape(rng, rng.randint(1, 3)))
        yield Question("BatchGather", [X, indices])
        dY = uniform(rng, (X.shape[0], *indices.shape, X.shape[2]))
        yield Question("BatchGatherGradient", [X, indices, dY])
        indices = drawn(rng, X.shape[1], (X.shape[0], 2))
        yield Question("BatchGather", [X, indices], {"match_outer": 1})
        dY = uniform(rng, (X.shape[0], 2, X.shape[2]))
        yield Question("BatchGatherGradient", [X, indices, dY], {"match_outer": 1})
        axis = int(rng.randint(-3, 3))
        indices = drawn(rng, X.shape[axis], 4)
        dY = uniform(rng, [4 if k == axis % 3 else n for k, n in enumerate(X.shape)])
        yield Question("BatchGatherGradient", [X, indices, dY], {"axis": axis})
    X = uniform(rng, (3, 2))
    for index in (3, -4):
        yield Question("Gather", [X, np.array([index])])
    for index in (2, -1):
        yield Question("BatchGather", [X, np.array([index])])
    yield Question("Gather", [X, np.array([0])], {"axis": 2})
    yield Question("BatchPermutation", [X, rng.permutation(3).astype(np.int32)])
    yield Question("BatchPermutation", [X, np.array([0, 1], np.int32)])
    yield Question("BatchPermutationGradient", [rng.permutation(3).astype(np.int32), X])
    yield Question("RemoveDataBlocks", [X, drawn(rng, 3, 2)])
    yield Question("RemoveDataBlocks", [WORDS, drawn(rng, len(WORDS), 3)])
    yield Question("RemoveDataBlocks", [X, np.zeros(0)])
    yield Question("RemoveDataBlocks", [X, np.array([3])])
    yield Question("RemoveDataBlocks", [X, np.array([-1])])


def scatters(rng):
    for dtype in ("float32", "float64", "int32", "int64"):
        X = whole(rng, shape(rng, rng.randint(1, 4)), dtype)
        rows = drawn(rng, X.shape[0], rng.randint(0, 5))
        slices = whole(rng, (rows.size, *X.shape[1:]), dtype)
        yield Question("ScatterAssign", [X, rows, slices], inplace=[(0, 0)])
        axis = int(rng.randint(-X.ndim, X.ndim))
        size = [n if X.ndim > 2 else int(rng.randint(1, n + 1)) for n in X.shape]
        size[axis] = int(rng.randint(1, 5))
        places = drawn(rng, X.shape[axis], size)
        if X.ndim > 1 or axis == 0:
            yield Question("Scatter", [X, places, whole(rng, size, dtype)], {"axis": axis})
    for n in (1, 2):
        X = whole(rng, shape(rng, 2))
        rows = drawn(rng, X.shape[0], 4)
        weight = whole(rng, (1,), low=1, high=4)
        pairs = [a for _ in range(n) for a in (whole(rng, (4, X.shape[1])), whole(rng, (1,)))]
        yield Question("ScatterWeightedSum", [X, weight, rows, *pairs], inplace=[(0, 0)])
        yield Question("ScatterWeightedSum", [X, weight, rows, *pairs[:-1]], inplace=[(0, 0)])
    X = uniform(rng, (3, 2))
    yield Question("ScatterAssign", [X, np.array([0]), uniform(rng, (1, 3))], inplace=[(0, 0)])
    yield Question("ScatterAssign", [X, np.array([0]), uniform(rng, (1, 2))])
    for index in (2, -1):
        yield Question("Scatter", [X, np.array([[index]]), uniform(rng, (1, 1))])


def sparse(rng):
    for dtype in ("float32", "int32", "int64"):
        rows = drawn(rng, 5, rng.randint(0, 6))
        values = whole(rng, (rows.size, *shape(rng, rng.randint(0, 3))), dtype)
        yield Question("SparseToDense", [rows, values])
        yield Question("SparseToDense", [rows, values, uniform(rng, (5, 2))])
    yield Question("SparseToDense", [np.array([3]), uniform(rng, (1,)), uniform(rng, (2,))])
    yield Question("SparseToDense", [np.array([0, -1]), uniform(rng, (2,))])
    yield Question("SparseToDense", [np.array([0, 1]), uniform(rng, (1,))])
    for _ in range(3):
        pairs, D = int(rng.randint(0, 7)), 4
        lengths = lengths_of(rng, pairs, 3).astype(INDEX[rng.randint(2)])
        columns, values = drawn(rng, D, pairs), whole(rng, (pairs,))
        args = {"default_value": float(rng.randint(0, 2))}
        yield Question(
            "BatchSparseToDense", [lengths, columns, values], {**args, "dense_last_dim": D}
        )
        yield Question("BatchSparseToDense", [lengths, columns, values, uniform(rng, (3, D))], args)
        yield Question("BatchDenseToSparse", [lengths, columns, uniform(rng, (3, D))])
    lengths, columns, values = np.array([1, 2]), np.array([0, 1, 4]), uniform(rng, (3,))
    yield Question("BatchSparseToDense", [lengths, columns, values], {"dense_last_dim": 4})
    yield Question("BatchSparseToDense", [lengths, columns, values])
    yield Question("BatchSparseToDense", [lengths[:1], columns, values], {"dense_last_dim": 5})
    yield Question("BatchDenseToSparse", [lengths, columns, uniform(rng, (2, 4))])
    for _ in range(3):
        pairs = int(rng.randint(1, 8))
        ids = drawn(rng, 7, pairs, below=-1)
        size = shape(rng, rng.randint(0, 2))
        inputs = [ids, uniform(rng, (pairs, *size)), uniform(rng, size)]
        mask = [int(m) for m in rng.permutation(7)[:4]]
        args = {"mask": mask, "return_presence_mask": 1}
        yield Question("SparseToDenseMask", inputs, args, 2)
        lengths = lengths_of(rng, pairs, 3).astype(np.int32)
        yield Question("SparseToDenseMask", [*inputs, lengths], args, 2)
        yield Question("SparseToDenseMask", [*inputs, lengths], {"mask": mask})
        ids = np.maximum(ids, 0)
        yield Question("SparseToDenseMaskGradient", [ids, uniform(rng, (4, *size))], {"mask": mask})
        dY = uniform(rng, (3, 4, *size))
        yield Question("SparseToDenseMaskGradient", [ids, dY, lengths], {"mask": mask})
    for mask in ([], [1, 1], [-1]):
        yield Question("SparseToDenseMask", inputs, {"mask": mask})
    inputs[0] = np.array([-1] * inputs[0].size)
    yield Question("SparseToDenseMask", inputs, {"mask": [1], "max_skipped_indices": 0})


def sorts(rng):
    for _ in range(4):
        ndim = rng.randint(1, 4)
        X = whole(rng, shape(rng, ndim, 1, 7))
        args = {"k": int(rng.randint(1, 8)), "axis": int(rng.randint(-1, ndim))}
        for n in (2, 3):
            yield Question("TopK", [X], args, n)
        yield Question("TopK", [X, np.array([args["k"]])], {"axis": args["axis"]}, 2)
        axis, k = args["axis"], min(args["k"], X.shape[args["axis"]])
        places = np.argsort(-X, axis, kind="stable").take(range(k), axis)
        grads = [uniform(rng, places.shape), places, X]
        yield Question("TopKGradient", grads, {**args, "k": k})
        K = rng.randint(1, X.shape[-1] + 1, X.shape[:-1])
        yield Question("FlexibleTopK", [X, K.astype(np.int64)], {}, 2)
        lines = zip(X.reshape(-1, X.shape[-1]), K.ravel())
        places = np.concatenate([np.argsort(-x, kind="stable")[:n] for x, n in lines])
        grads = [X, K.astype(np.int64), uniform(rng, places.shape), places]
        yield Question("FlexibleTopKGradient", grads)
        lengths = lengths_of(rng, 12, 4).astype(np.int32)
        yield Question("LengthsTopK", [whole(rng, (12,)), lengths], {"k": args["k"]}, 2)
        yield Question("LengthsTopK", [uniform(rng, (12,)), lengths], {"k": args["k"]}, 2)
        k = 2
        places = np.array([[j if j < n else -1 for j in range(k)] for n in lengths], np.int32)
        yield Question(
            "LengthsTopKGradient", [lengths, places, uniform(rng, places.shape)], {"k": k}
        )
        X = drawn(rng, 6, rng.randint(0, 9))
        yield Question("Unique", [X], {}, 2)
        yield Question("Unique", [X])
        yield Question("FindDuplicateElements", [X])
        query = drawn(rng, 9, shape(rng, rng.randint(0, 3))).astype(X.dtype)
        yield Question("Find", [X, query], {"missing_value": int(rng.randint(-1, 9))})
    yield Question("FindDuplicateElements", [WORDS[rng.randint(0, len(WORDS), 5)]])
    X = uniform(rng, (2, 3))
    for args in ({}, {"k": 0}, {"k": 1, "axis": 2}):
        yield Question("TopK", [X], args, 2)
    yield Question("FlexibleTopK", [X, np.array([1, 4])], {}, 2)
    yield Question("FlexibleTopK", [X, np.array([1, 0])], {}, 2)
    yield Question("Unique", [drawn(rng, 3, (2, 2))], {}, 2)
    yield Question("TopK", [np.zeros((2, 0), np.float32)], {"k": 2}, 2)


def one_hots(rng):
    yield Question("OneHot", [rng.randint(0, 4, 5), np.array([4])])
    yield Question("OneHot", [rng.randint(0, 4, (2, 2)), np.array([4])])
    yield Question("OneHot", [rng.randint(0, 4, 2), np.array([4, 4])])
    columns = rng.randint(0, 4, int(rng.randint(1, 6)))
    lengths = lengths_of(rng, columns.size, 3).astype(np.int32)
    yield Question("SegmentOneHot", [lengths, columns, np.array([4])])
    for dtype in INDEX:
        data, values = whole(rng, (4, 3), dtype, 0, 4), whole(rng, (7,), dtype, 0, 4)
        lengths = lengths_of(rng, 7, 3).astype(np.int32)
        yield Question("BatchOneHot", [data, lengths, values])
        yield Question("BatchOneHot", [data, lengths[:2], values])
    edges = np.concatenate([np.sort(uniform(rng, (n,), -3, 3)) for n in (2, 3)])
    data = np.vstack([uniform(rng, (4, 2), -3, 3), edges[[0, 2]][None]])
    yield Question("BatchBucketOneHot", [data, np.array([2, 3], np.int32), edges])
    yield Question("BatchBucketOneHot", [data, np.array([5, 0], np.int32), edges])
    yield Question("BatchBucketOneHot", [data, np.array([2, 2], np.int32), edges])


def buckets(rng):
    edges = np.sort(uniform(rng, (4,), -2, 2))
    X = np.concatenate([uniform(rng, (6,), -3, 3), edges, [np.nan]]).astype(np.float32)
    for boundaries in ([float(e) for e in edges], [1.0, 1.0], [], [2.0, 1.0]):
        yield Question("Bucketize", [X], {"boundaries": boundaries})
    X = uniform(rng, (4, 3), -2, 2)
    inputs = [X, whole(rng, (2,), "int32", 0, 3), np.concatenate([edges[:1], edges[1:]])]
    yield Question("BatchBucketize", [*inputs, np.array([1, 3], np.int32)])
    yield Question("BatchBucketize", [*inputs, np.array([1, 2], np.int32)])
    X, l1 = uniform(rng, (5, 4), -0.5, 4), uniform(rng, (4,), -1, 2)
    l1[rng.randint(4)] = 0
    l2 = uniform(rng, (4,), 0, 1)
    yield Question("BatchBoxCox", [X, l1, l2])
    yield Question("BatchBoxCox", [X, l1, l2], {"naive": 1, "min_block_size": 0})
    yield Question("BatchBoxCox", [X, l1[:3], l2])
    lines = np.sort(uniform(rng, (3, 4), -1, 1), 1)
    slopes, intercepts = uniform(rng, (3, 3)), uniform(rng, (3, 3))
    X = np.vstack([uniform(rng, (5, 3), -1.5, 1.5), lines[:, 1][None], np.full((1, 3), np.nan)])
    X = X.astype(np.float32)
    args = {"bounds": lines, "slopes": slopes, "intercepts": intercepts}
    args = {name: [float(a) for a in array.ravel()] for name, array in args.items()}
    yield Question("PiecewiseLinearTransform", [X], args)
    yield Question("PiecewiseLinearTransform", [X, lines, slopes, intercepts])
    yield Question("PiecewiseLinearTransform", [X[:, :2]], args)
    yield Question("PiecewiseLinearTransform", [X])
    one = [lines[0], slopes[0], intercepts[0]]
    for width in (1, 2, 3):
        yield Question("PiecewiseLinearTransform", [X[:, :width].copy(), *one], {"binary": 1})
    args = {"threshold": 0.25, "low_value": -1.0, "high_value": 4.0}
    yield Question("StumpFunc", [X], args)
    for dtype in INDEX:
        X = np.asarray(rng.randint(-(2**31), 2**31, (2, 3)), dtype)
        yield Question("IndexHash", [X], {"seed": int(rng.randint(-9, 9)), "modulo": 97})


def masks(rng):
    mask = rng.rand(5) < 0.5
    for X in (uniform(rng, (5,)), uniform(rng, (5, 2)), WORDS[:5], rng.rand(5) < 0.5):
        yield Question("BooleanMask", [X, mask], {}, 2)
        yield Question("BooleanMask", [X, mask])
    yield Question("BooleanMask", [uniform(rng, (5,)), mask[:4]], {}, 2)
    yield Question("BooleanMaskGradient", [mask, uniform(rng, (int(mask.sum()),))])
    first, second = mask, (rng.rand(5) < 0.5) | ~mask
    values = [uniform(rng, (int(first.sum()),)), uniform(rng, (int((second & ~first).sum()),))]
    yield Question("BooleanUnmask", [first, values[0], second, values[1]])
    yield Question("BooleanUnmask", [first, values[0]])
    yield Question("BooleanUnmask", [first, values[0], second])
    for mode in ("sequence", "window", "upper", "lower", "upperdiag", "lowerdiag"):
        for _ in range(3):
            X = uniform(rng, shape(rng, rng.randint(2, 5)))
            axis = int(rng.randint(1, X.ndim))
            args = {"mode": mode, "axis": axis - int(rng.randint(2)) * X.ndim, "fill_val": 0.5}
            if mode == "window":
                args["radius"] = int(rng.randint(0, 3))
            if rng.rand() < 0.2:
                del args["fill_val"]
            if rng.rand() < 0.2:
                args["grad"] = 1
            rows = int(np.prod(X.shape[:axis]))
            if rng.rand() < 0.3:
                batch = int(rng.randint(0, axis + 1))
                args["batch"] = batch
                rows = int(np.prod(X.shape[batch + 1 : axis]))
            elif mode == "sequence" and rng.rand() < 0.4:
                args["repeat_from_axis"] = int(rng.randint(axis, X.ndim))
            told = [whole(rng, (rows,), "int32", 0, 6)] if mode in ("sequence", "window") else []
            yield Question("SequenceMask", [X, *told], args)
    X = uniform(rng, (3, 3))
    yield Question("SequenceMask", [X], {"mode": "sequence"})
    yield Question("SequenceMask", [X, np.array([1, 2], np.int32)], {"mode": "sequence"})
    yield Question("SequenceMask", [X], {"mode": "foo"})
    yield Question("SequenceMask", [X])


def gradients():
    yield gradient("Gather", 2, 1)
    for args in ({"axis": 1}, {"axis": -1}, {"dense_gradient": 1}, {"axis": 1, "match_outer": 1}):
        yield gradient("Gather", 2, 1, args)
    yield gradient("BatchGather", 2, 1, {"match_outer": 1})
    yield gradient("SparseToDense", 2, 1)
    yield gradient("SparseToDense", 3, 1)
    yield gradient("BatchSparseToDense", 4, 1, {"default_value": 1.0})
    yield gradient("BatchDenseToSparse", 3, 1)
    yield gradient("SparseToDenseMask", 3, 1, {"mask": [1, 2]})
    yield gradient("SparseToDenseMask", 4, 1, {"mask": [1, 2]})
    yield gradient("TopK", 1, 3, {"k": 2})
    yield gradient("TopK", 2, 2, flowing=[0])
    yield gradient("FlexibleTopK", 2, 2)
    yield gradient("LengthsTopK", 2, 2, {"k": 2})
    yield gradient("BatchPermutation", 2, 1)
    yield gradient("BooleanMask", 2, 2)
    yield gradient("SequenceMask", 2, 1, {"mode": "sequence"})
    yield gradient("SequenceMask", 1, 1, {"mode": "upper", "axis": 1})
    for type_, n in (("OneHot", 2), ("BatchOneHot", 3), ("SegmentOneHot", 3), ("StumpFunc", 1)):
        yield gradient(type_, n, 1)


if __name__ == "__main__":
    main(questions, gradients)
