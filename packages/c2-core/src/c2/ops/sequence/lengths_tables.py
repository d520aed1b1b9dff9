"""LengthsToOffsets, LengthsToShape, LengthsToWeights and LengthsSplit: numbers made of lengths."""

import numpy as np

from c2.ops.index.rows import segment_ids
from c2.ops.results import stored
from c2.ops.rules import equal, rank
from c2.registry import INDEX, Arg, Case, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.schema import NoGradient

INT32 = frozenset({"int32"})
LENGTHS = Tensor("lengths", "(N,)", INT32)


def require_lengths(lengths):
    """Raises Mismatch where one is negative."""
    if lengths.size:
        low = int(lengths.min())
        require(low >= 0, "lengths must not be negative", "0 or more", low)


def _infer_offsets(lengths, *, include_last_offset):
    rank("lengths", lengths, 1)
    return TensorSpec((lengths.size + include_last_offset,), "int32")


LENGTHS_TO_OFFSETS = OpSchema(
    "LengthsToOffsets",
    doc="offsets[n] = lengths[0] + ... + lengths[n - 1]: where each segment begins.",
    inputs=[LENGTHS],
    outputs=[Tensor("offsets", "int32 (N,), or (N + 1,) with include_last_offset")],
    args=[Arg("include_last_offset", bool, default=False, doc="the sum of all lengths follows")],
    infer=_infer_offsets,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(LENGTHS_TO_OFFSETS)
def lengths_to_offsets(xp, lengths, *, include_last_offset, out=None):
    ends = xp.concatenate([xp.zeros(1, "int64"), xp.cumsum(lengths)])
    return stored(xp, ends if include_last_offset else ends[:-1], out, dtype="int32")


@cases(LENGTHS_TO_OFFSETS)
def lengths_to_offsets_cases(rng):
    for lengths in ([1, 3, 0, 2], [5], []):
        X = np.array(lengths, np.int32)
        begins = [sum(lengths[:n]) for n in range(len(lengths) + 1)]
        yield Case({"lengths": X}, {}, {"offsets": begins[:-1]})
        yield Case({"lengths": X}, {"include_last_offset": True}, {"offsets": begins})


def _infer_shape(X):
    rank("X", X, 1)
    require(X.size > 0, "X must have elements", "1 or more", 0)
    return TensorSpec((2,), "int32")


LENGTHS_TO_SHAPE = OpSchema(
    "LengthsToShape",
    doc="Y = (N, X[0]): the shape of a matrix of N rows. All of X must be equal.",
    inputs=[Tensor("X", "(N,): N equal lengths", INT32)],
    outputs=[Tensor("Y", "int32 (2,)")],
    infer=_infer_shape,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(LENGTHS_TO_SHAPE)
def lengths_to_shape(xp, X, *, out=None):
    low, high = int(X.min()), int(X.max())
    equal("all lengths must be equal", low, high)
    return stored(xp, xp.asarray([X.size, low], "int32"), out)


@cases(LENGTHS_TO_SHAPE)
def lengths_to_shape_cases(rng):
    for n, length in ((3, 2), (1, 0), (10, 7)):
        yield Case({"X": np.full(n, length, np.int32)}, {}, {"Y": [n, length]})


def _infer_weights(lengths, *, power):
    rank("lengths", lengths, 1)
    return TensorSpec(None, "float32")


LENGTHS_TO_WEIGHTS = OpSchema(
    "LengthsToWeights",
    doc="weights = 1 / lengths[n] ** power, lengths[n] times, for each n.",
    inputs=[Tensor("lengths", "(N,)", INDEX)],
    outputs=[Tensor("a vector of weights", "float32 (sum of lengths,)")],
    args=[Arg("power", float, default=0.5, doc="unitless")],
    infer=_infer_weights,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(LENGTHS_TO_WEIGHTS)
def lengths_to_weights(xp, lengths, *, power):
    require_lengths(lengths)
    of_segment = xp.power(xp.maximum(lengths, 1).astype("float32"), xp.float32(-power))
    return of_segment[segment_ids(xp, lengths, int(lengths.sum()))]


@cases(LENGTHS_TO_WEIGHTS)
def lengths_to_weights_cases(rng):
    for lengths in ([2, 0, 3, 1], [], [0]):
        for args in ({}, {"power": 2.0}, {"power": 0.0}, {"power": -1.0}):
            power = args.get("power", 0.5)
            weights = np.array([n**-power for n in lengths for _ in range(n)], np.float32)
            X = np.array(lengths, np.int64 if args else np.int32)
            yield Case({"lengths": X}, args, {"a vector of weights": weights})


def _infer_split(LENGTHS, n_split_given=None, *, n_split):
    rank("LENGTHS", LENGTHS, 1)
    if n_split_given is not None:
        equal("n_split must be one number", 1, n_split_given.size)
        if n_split_given.value is None:
            return TensorSpec(None, "int32")
        n_split = int(n_split_given.value.reshape(())[()])
    require(n_split > 0, "n_split must be above 0", "1 or more", n_split)
    return TensorSpec((LENGTHS.size * n_split,), "int32")


LENGTHS_SPLIT = OpSchema(
    "LengthsSplit",
    doc="""Y = each length split into n_split numbers as equal as can be, the larger ones first.

    Shorter lengths end in zeros. Differs from Caffe2: negative lengths are an error.
    """,
    inputs=[
        Tensor("LENGTHS", "(N,)", INT32),
        Tensor("n_split", "one number, in place of the argument", INDEX, optional=True),
    ],
    outputs=[Tensor("Y", "int32 (N * n_split,)")],
    args=[Arg("n_split", int, default=0, doc="parts of each length")],
    infer=_infer_split,
    values={"n_split"},
    gradient=NoGradient.NOT_IMPLEMENTED,
)


@kernel(LENGTHS_SPLIT)
def lengths_split(xp, LENGTHS, given=None, *, n_split, out=None):
    parts = n_split if given is None else int(given.reshape(())[()])
    require_lengths(LENGTHS)
    larger = xp.arange(parts) < (LENGTHS % parts)[:, None]
    return stored(xp, (LENGTHS[:, None] // parts + larger).reshape(-1), out, dtype="int32")


@cases(LENGTHS_SPLIT)
def lengths_split_cases(rng):
    X = np.array([9, 4, 5, 1, 0], np.int32)
    by_three = [3, 3, 3, 2, 1, 1, 2, 2, 1, 1, 0, 0, 0, 0, 0]
    yield Case({"LENGTHS": X}, {"n_split": 3}, {"Y": by_three})
    inputs = {"LENGTHS": X, "n_split": np.array([3], np.int32)}
    yield Case(inputs, {"n_split": 2}, {"Y": by_three})
    yield Case({"LENGTHS": X}, {"n_split": 1}, {"Y": X})
    yield Case({"LENGTHS": X[:0]}, {"n_split": 2}, {"Y": []})
