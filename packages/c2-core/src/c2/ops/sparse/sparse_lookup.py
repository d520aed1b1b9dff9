"""SparseLengthsSumSparseLookup: indices into a table before pruning, as indices into what is left."""

import numpy as np

from c2.ops.index.rows import segment_ids
from c2.ops.rules import rank
from c2.ops.sparse.lookup import INDICES, LENGTHS, infer_lookup, require_lookup, require_weights
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, kernel
from c2.registry.schema import NoGradient


def _infer(INDICES, LENGTHS, COMPRESSED_INDICES_MAPPING, WEIGHTS=None):
    rank("COMPRESSED_INDICES_MAPPING", COMPRESSED_INDICES_MAPPING, 1)
    infer_lookup(INDICES, LENGTHS, (), "float32")
    if WEIGHTS is not None:
        require_weights("WEIGHTS", WEIGHTS, INDICES, np.dtype("float32"))
    lengths = LENGTHS.with_shape(LENGTHS.shape)
    return TensorSpec(None, INDICES.dtype), lengths, TensorSpec(None, "float32")


def _check(n_inputs, n_outputs, args):
    return None if n_outputs == n_inputs - 1 else "output_weights are there where WEIGHTS are"


SPARSE_LOOKUP = OpSchema(
    "SparseLengthsSumSparseLookup",
    doc="""output_indices = MAPPING[INDICES[k]] for each place k where this is not negative; the other places are gone.

    output_lengths count what is left of each segment; output_weights are the weights of what is left. Every index must
    be inside of the mapping, and LENGTHS must add up to K.
    """,
    inputs=[
        INDICES,
        LENGTHS,
        Tensor(
            "COMPRESSED_INDICES_MAPPING",
            "a vector: the new row for each old one, -1 where it is gone",
            frozenset({"int32"}),
        ),
        Tensor("WEIGHTS", "(K,): the weight of each place", frozenset({"float32"}), optional=True),
    ],
    outputs=[
        Tensor("output_indices", "a vector, dtype of INDICES"),
        Tensor("output_lengths", "int32 (N,)"),
        Tensor("output_weights", "a vector", optional=True),
    ],
    infer=_infer,
    check=_check,
    gradient=NoGradient.STOPS,
)


@kernel(SPARSE_LOOKUP)
def sparse_lookup(xp, INDICES, LENGTHS, COMPRESSED_INDICES_MAPPING, WEIGHTS=None):
    require_lookup(INDICES, LENGTHS, COMPRESSED_INDICES_MAPPING.size)
    found = COMPRESSED_INDICES_MAPPING[INDICES].astype(INDICES.dtype)
    kept = found >= 0
    segments = segment_ids(xp, LENGTHS, INDICES.size)[kept]
    n = LENGTHS.size
    lengths = xp.bincount(segments, minlength=n) if segments.size else xp.zeros(n)
    outputs = found[kept], lengths.astype("int32")
    return outputs if WEIGHTS is None else (*outputs, WEIGHTS[kept])


@cases(SPARSE_LOOKUP)
def sparse_lookup_cases(rng):
    mapping = np.array([0, -1, 1, 2], np.int32)
    W = np.array([0.5, 2, 3, -1], np.float32)
    for dtype in (np.int32, np.int64):
        inputs = {"INDICES": np.array([0, 1, 3, 2], dtype)}
        inputs["LENGTHS"] = np.array([2, 0, 2], np.int32)
        inputs["COMPRESSED_INDICES_MAPPING"] = mapping
        expect = {"output_indices": np.array([0, 2, 1], dtype), "output_lengths": [1, 0, 2]}
        yield Case(inputs, {}, expect, outputs=2)
        weights = {"output_weights": np.array([0.5, 3, -1], np.float32)}
        yield Case({**inputs, "WEIGHTS": W}, {}, {**expect, **weights})
    gone = {"COMPRESSED_INDICES_MAPPING": mapping * 0 - 1}
    yield Case(
        {**inputs, **gone}, {}, {"output_indices": [], "output_lengths": [0, 0, 0]}, outputs=2
    )
