"""PackRNNSequence and UnpackRNNSequence: sequences side by side, time first, and back."""

import numpy as np

from c2.ops.index.rows import segment_places
from c2.ops.rules import equal, rank
from c2.ops.sequence.lengths_tables import INT32, require_lengths
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.spec import PLAIN

LENGTHS = Tensor("lengths", "(N,): steps of each sequence", INT32)


def _infer_pack(values, lengths):
    require(values.ndim >= 2, "values must have two axes or more", "(K, D, ...)", values.shape)
    rank("lengths", lengths, 1)
    return TensorSpec(None, values.dtype)


PACK_RNN_SEQUENCE = OpSchema(
    "PackRNNSequence",
    doc="""output[t, n] = step t of sequence n, 0 behind its end.

    T is the longest length; lengths must add up to K. Differs from Caffe2: every number is taken; lengths that do not
    add up to K are an error.
    """,
    inputs=[Tensor("values", "(K, D, ...): the sequences one after the other", PLAIN), LENGTHS],
    outputs=[Tensor("output", "(T, N, D, ...)")],
    infer=_infer_pack,
    cost=lambda *specs: 0,
)


def _infer_unpack(values, lengths):
    require(values.ndim >= 3, "values must have three axes or more", "(T, N, D, ...)", values.shape)
    rank("lengths", lengths, 1)
    equal("values must have one column per sequence", lengths.size, values.shape[1])
    return TensorSpec(None, values.dtype)


UNPACK_RNN_SEQUENCE = OpSchema(
    "UnpackRNNSequence",
    doc="""output = the first lengths[n] steps of each values[:, n], one sequence after the other.

    No length may be above T. Differs from Caffe2: every number is taken; longer lengths are an error.
    """,
    inputs=[Tensor("values", "(T, N, D, ...): sequences side by side", PLAIN), LENGTHS],
    outputs=[Tensor("output", "(sum of lengths, D, ...)")],
    infer=_infer_unpack,
    cost=lambda *specs: 0,
)


@kernel(PACK_RNN_SEQUENCE)
def pack_rnn_sequence(xp, values, lengths):
    require_lengths(lengths)
    equal("lengths must add up to the rows of values", values.shape[0], int(lengths.sum()))
    T = int(lengths.max()) if lengths.size else 0
    output = xp.zeros((T, lengths.size, *values.shape[1:]), values.dtype)
    sequence, step = segment_places(xp, lengths, values.shape[0])
    output[step, sequence] = values
    return output


@kernel(UNPACK_RNN_SEQUENCE)
def unpack_rnn_sequence(xp, values, lengths):
    require_lengths(lengths)
    longest = int(lengths.max()) if lengths.size else 0
    T = values.shape[0]
    require(longest <= T, "lengths must not be above the first size of values", T, longest)
    sequence, step = segment_places(xp, lengths, int(lengths.sum()))
    return values[step, sequence]


@gradient(PACK_RNN_SEQUENCE)
def pack_rnn_sequence_gradient_maker(g):
    return [g.op("UnpackRNNSequence", [g.GO("output"), g.I("lengths")], [g.GI("values")])]


@gradient(UNPACK_RNN_SEQUENCE)
def unpack_rnn_sequence_gradient_maker(g):
    return [g.op("PackRNNSequence", [g.GO("output"), g.I("lengths")], [g.GI("values")])]


_SAMPLES = [((6, 2), [2, 3, 0, 1]), ((2, 1, 3), [2]), ((0, 2), [0, 0]), ((0, 2), [])]


@cases(PACK_RNN_SEQUENCE)
def pack_rnn_sequence_cases(rng):
    for shape, lengths in _SAMPLES:
        X = rng.uniform(-1, 1, shape)
        Y = np.zeros((max(lengths, default=0), len(lengths), *shape[1:]))
        for n, part in enumerate(np.split(X, np.cumsum(lengths)[:-1]) if lengths else []):
            Y[: len(part), n] = part
        yield Case({"values": X, "lengths": np.array(lengths, np.int32)}, {}, {"output": Y})


@cases(UNPACK_RNN_SEQUENCE)
def unpack_rnn_sequence_cases(rng):
    for shape, lengths in _SAMPLES:
        X = rng.uniform(-1, 1, (max(lengths, default=0), len(lengths), *shape[1:]))
        rows = [X[t, n] for n, length in enumerate(lengths) for t in range(length)]
        expect = {"output": np.array(rows).reshape(shape)}
        yield Case({"values": X, "lengths": np.array(lengths, np.int32)}, {}, expect)
    longer = rng.uniform(-1, 1, (3, 2, 1))
    expect = {"output": [longer[0, 0], longer[0, 1], longer[1, 1]]}
    inputs = {"values": longer, "lengths": np.array([1, 2], np.int32)}
    yield Case(inputs, {}, expect, grad=())
