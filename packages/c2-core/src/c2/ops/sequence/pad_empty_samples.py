"""PadEmptySamples: a row of zeros for each sample that has none."""

import numpy as np

from c2.ops.index.rows import segment_ids
from c2.ops.rules import equal, rank
from c2.ops.sequence.lengths_tables import INT32, require_lengths
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.schema import NoGradient


def _infer(lengths, *features):
    rank("lengths", lengths, 1)
    for feature in features:
        require(
            feature.ndim >= 1, "a feature must have one axis or more", "(K, ...)", feature.shape
        )
    return (lengths.with_shape(lengths.shape), *(TensorSpec(None, f.dtype) for f in features))


def _check(n_inputs, n_outputs, args):
    return None if n_inputs == n_outputs else "it gives as many outputs as it takes inputs"


PAD_EMPTY_SAMPLES = OpSchema(
    "PadEmptySamples",
    doc="""out_lengths = lengths with 1 for 0; each feature gets a row of zeros for each sample that was empty.

    Strings get an empty one. lengths must add up to the rows of each feature.
    """,
    inputs=[
        Tensor("lengths", "(N,): rows of each sample", INT32),
        Tensor("features", "(K, ...) each, any dtype", variadic=True, minimum=0),
    ],
    outputs=[
        Tensor("out_lengths", "int32 (N,)"),
        Tensor("out_features", "(K + empty samples, ...) each", variadic=True, minimum=0),
    ],
    infer=_infer,
    check=_check,
    cost=lambda *specs: 0,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(PAD_EMPTY_SAMPLES)
def pad_empty_samples(xp, lengths, *features):
    require_lengths(lengths)
    for feature in features:
        equal("lengths must add up to the rows of a feature", feature.shape[0], int(lengths.sum()))
    empty = xp.equal(lengths, 0)
    K = int(lengths.sum())
    rows = xp.arange(K) + xp.cumsum(empty)[segment_ids(xp, lengths, K)]
    padded = [xp.maximum(lengths, 1).astype("int32")]
    for feature in features:
        shape = (K + int(empty.sum()), *feature.shape[1:])
        filled = xp.empty(shape, feature.dtype)
        filled[...] = b"" if feature.dtype.kind == "O" else 0
        filled[rows] = feature
        padded.append(filled)
    return tuple(padded)


@cases(PAD_EMPTY_SAMPLES)
def pad_empty_samples_cases(rng):
    X, words = rng.uniform(-1, 1, (3, 2)), np.array([b"a", b"b", b"c"], object)
    zero = np.zeros(2)
    lengths = np.array([0, 2, 0, 1, 0], np.int32)
    rows = np.array([zero, X[0], X[1], zero, X[2], zero])
    texts = np.array([b"", b"a", b"b", b"", b"c", b""], object)
    expect = {"out_lengths": [1, 2, 1, 1, 1], "out_features": [rows, texts]}
    yield Case({"lengths": lengths, "features": [X, words]}, {}, expect)
    full = np.array([1, 2], np.int32)
    expect = {"out_lengths": [1, 2], "out_features": [X]}
    yield Case({"lengths": full, "features": [X]}, {}, expect)
    yield Case({"lengths": full[:0]}, {}, {"out_lengths": []})
