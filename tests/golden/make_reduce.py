"""What real Caffe2 gives for reductions.

oracle python tests/golden/make_reduce.py tests/golden/data/reduce.npz
"""

import numpy as np
from asking import Question, gradient, main, shape, some_axes, uniform, whole

AXES = ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2")
SIDES = [f"Reduce{side}{what}" for side in ("Front", "Back") for what in ("Sum", "Mean", "Max")]
NUMBERS = ("int32", "int64", "float64")


def questions(rng):
    for type_ in AXES:
        for _ in range(4):
            X = whole(rng, shape(rng, rng.randint(1, 5)))
            args = {"axes": some_axes(rng, X.ndim), "keepdims": int(rng.randint(2))}
            if not args["axes"]:
                del args["axes"]
            yield Question(type_, [X], args)
            axes = tuple(args.get("axes", range(X.ndim)))
            Y = reduced(type_, X, axes, bool(args["keepdims"]))
            yield Question(f"{type_}Gradient", [uniform(rng, np.shape(Y)), X, Y], args)
        yield Question(type_, [np.zeros((0, 3), np.float32)], {"axes": [0]})
        yield Question(type_, [np.zeros((2, 0, 3), np.float32)], {"axes": [1], "keepdims": 0})
        yield Question(type_, [uniform(rng, ())])
        yield Question(type_, [uniform(rng, (2, 3))], {"axes": [-1]})
        yield Question(type_, [uniform(rng, (2, 3))], {"axes": [2]})
    for type_ in ("ReduceSum", "ReduceMax", "ReduceMin"):
        for dtype in NUMBERS:
            yield Question(type_, [whole(rng, (2, 3, 2), dtype)], {"axes": [1], "keepdims": 0})
    for type_ in SIDES:
        yield from side(rng, type_)
    yield from others(rng)


def side(rng, type_):
    """With and without lengths; lengths are not 0, where Caffe2 takes one element."""
    for _ in range(3):
        X = whole(rng, shape(rng, 3))
        n = int(rng.randint(5))
        yield Question(type_, [X], {"num_reduce_dim": n})
        front = "Front" in type_
        left = X.shape[n:] if front else X.shape[: max(3 - n, 0)]
        dY = [uniform(rng, left)] + ([whole(rng, left)] if "Max" in type_ else [])
        if n <= 3:
            yield Question(f"{type_}Gradient", [dY[0], X, *dY[1:]], {"num_reduce_dim": n})
        left, size = (X.shape[1:], X.shape[0]) if front else (X.shape[:-1], X.shape[-1])
        lengths = np.asarray(rng.randint(1, size + 1, int(np.prod(left))), np.int32)
        yield Question(type_, [X, lengths])
        dY = [uniform(rng, left)] + ([whole(rng, left)] if "Max" in type_ else [])
        yield Question(f"{type_}Gradient", [dY[0], X, *dY[1:], lengths])
    for size in ((0, 3), (3, 0)):
        yield Question(type_, [np.zeros(size, np.float32)])
    yield Question(type_, [uniform(rng, (2, 3)), np.array([1], np.int32)])
    yield Question(type_, [uniform(rng, (2, 3)), np.array([1, 1], np.int32)], {"num_reduce_dim": 2})
    if "Max" not in type_:
        yield Question(type_, [whole(rng, (4, 3), "int32", -9, 9)])
        yield Question(type_, [whole(rng, (3, 4), "int64", -9, 9)])


def reduced(type_, X, axes, keepdims):
    """Y for the gradients: what it holds need not be exact, as they only compare and divide."""
    what = {"Sum": np.sum, "Mean": np.mean, "Max": np.max, "Min": np.min}
    if type_ == "ReduceL1":
        return np.sum(abs(X), axes, keepdims=keepdims)
    if type_ == "ReduceL2":
        return np.sqrt(np.sum(X * X, axes, keepdims=keepdims), dtype=np.float32)
    return np.asarray(what[type_[6:]](X, axes, keepdims=keepdims), np.float32)


def others(rng):
    for type_ in ("ArgMax", "ArgMin"):
        for _ in range(4):
            X = whole(rng, shape(rng, 3), ["float32", "int32", "int64", "float64"][rng.randint(4)])
            yield Question(
                type_, [X], {"axis": int(rng.randint(-1, 4)), "keepdims": int(rng.randint(2))}
            )
        for size in ((0, 2), (2, 0), ()):
            yield Question(type_, [np.zeros(size, np.float32)])
    X = whole(rng, shape(rng, 3))
    for p in (1, 2, 3):
        for average in (0, 1):
            args = {"p": p, "average": average}
            yield Question("LpNorm", [X], args)
            yield Question("LpNormGradient", [X, uniform(rng, (1,))], args)
    yield Question("LpNorm", [X[:0]], {"average": 1})
    yield Question("LpNorm", [X[:0]])
    for average in (0, 1):
        for Y in (X, X[:0]):
            yield Question("SumElements", [Y], {"average": average})
            yield Question("SumSqrElements", [Y], {"average": average})
        yield Question("SumElementsGradient", [X, uniform(rng, ())], {"average": average})
    yield Question("SumElementsInt", [whole(rng, (2, 5), "int32")])
    yield Question("Summarize", [uniform(rng, (2, 5))])
    yield Question("Summarize", [uniform(rng, (1,))])
    yield Question("Summarize", [X[:0]])
    for order in ("NCHW", "NHWC"):
        X = uniform(rng, (2, 3, 2, 3))
        yield Question("BatchMoments", [X], {"order": order}, 2)
        yield Question(
            "BatchMomentsGradient", [uniform(rng, (3,)), uniform(rng, (3,)), X], {"order": order}
        )
    for _ in range(4):
        X = uniform(rng, shape(rng, 3))
        args = {"axes": some_axes(rng, 3) or [0], "keepdims": int(rng.randint(2))}
        yield Question("Moments", [X], args, 2)
        mean = X.mean(tuple(args["axes"]), keepdims=bool(args["keepdims"]))
        grads = [uniform(rng, mean.shape) for _ in range(2)]
        yield Question("MomentsGradient", [*grads, X, mean], args)
        axis = int(rng.randint(-4, 4))
        for type_ in ("Normalize", "NormalizeL1"):
            yield Question(type_, [X], {"axis": axis})
        yield Question("NormalizeGradient", [X, uniform(rng, X.shape)], {"axis": axis})
    yield Question("Moments", [np.zeros((0, 3), np.float32)], {"axes": [0]}, 2)
    yield Question("Normalize", [np.zeros((2, 3), np.float32)])
    yield Question("NormalizeGradient", [np.array([3e-13, 4e-13], np.float32), uniform(rng, (2,))])
    X = whole(rng, shape(rng, 3))
    for type_, axis in (("RowwiseMax", 2), ("ColwiseMax", 1)):
        yield Question(type_, [X])
        Y = X.max(axis)
        yield Question(f"{type_}Gradient", [X, Y, uniform(rng, Y.shape)])
        yield Question(type_, [X[0]])
    edges = [-2.0, 0.0, 1.5, 3.0]
    yield Question(
        "Histogram", [whole(rng, (3, 4)), uniform(rng, (9,), -3, 4)], {"bin_edges": edges}
    )
    yield Question("Histogram", [X], {"bin_edges": edges[::-1]})
    args = {"lower_bound": -1.0, "upper_bound": 3.0, "num_buckets": 4}
    yield Question("AccumulateHistogram", [whole(rng, (4, 5))], args, 2)
    yield Question("AccumulateHistogram", [uniform(rng, (4, 5), -2, 4)], args, 2)
    yield Question("ReduceTailSum", [X])


def gradients():
    for type_ in AXES:
        yield gradient(type_, 1, 1, {"axes": [1], "keepdims": 0})
    for type_ in SIDES:
        yield gradient(type_, 1, 1, {"num_reduce_dim": 2})
        yield gradient(type_, 2, 1)
    for type_ in ("LpNorm", "SumElements", "Normalize", "RowwiseMax", "ColwiseMax"):
        yield gradient(type_, 1, 1)
    yield gradient("LpNorm", 1, 1, {"p": 1, "average": 1})
    for type_ in ("BatchMoments", "Moments"):
        yield gradient(type_, 1, 2)


if __name__ == "__main__":
    main(questions, gradients)
