"""PackSegments and UnpackSegments: segments of rows padded to one length, and back."""

import numpy as np

from c2.ops.index.rows import segment_places
from c2.ops.rules import equal, rank
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.spec import INDEX

LENGTHS = Tensor("lengths", "(N,): rows of each segment", INDEX)
MAX_LENGTH = Arg("max_length", int, default=-1, doc="L; -1: the longest segment", minimum=-1)


def _infer_pack(lengths, tensor, *, max_length, pad_minf, return_presence_mask):
    rank("lengths", lengths, 1)
    require(tensor.ndim >= 1, "tensor must have one axis or more", "1 or more axes", tensor.shape)
    if max_length < 0:
        return TensorSpec(None, tensor.dtype), TensorSpec(None, "bool")
    shape = (lengths.size, max_length)
    return TensorSpec((*shape, *tensor.shape[1:]), tensor.dtype), TensorSpec(shape, "bool")


PACK_SEGMENTS = OpSchema(
    "PackSegments",
    doc="""packed_tensor[n, j] = row j of segment n of tensor, padding where j >= lengths[n].

    Rows behind max_length are left out. The padding is 0, or -infinity with pad_minf; an empty string for strings.
    presence_mask tells rows from padding. lengths must add up to the number of rows. Differs from Caffe2: every
    dtype is taken, and a second output gets the mask without return_presence_mask too.
    """,
    inputs=[LENGTHS, Tensor("tensor", "(K, ...), any dtype: the segments one after the other")],
    outputs=[
        Tensor("packed_tensor", "(N, L, ...); dtype of tensor"),
        Tensor("presence_mask", "bool (N, L)", optional=True),
    ],
    args=[
        MAX_LENGTH,
        Arg("pad_minf", bool, default=False, doc="pad floats with -infinity"),
        Arg(
            "return_presence_mask",
            bool,
            default=False,
            doc="Caffe2 wants it for a second output; no effect here",
        ),
    ],
    infer=_infer_pack,
    cost=lambda *specs, **args: 0,
)


def _infer_unpack(lengths, tensor, *, max_length):
    rank("lengths", lengths, 1)
    require(tensor.ndim >= 2, "tensor must have two axes or more", "(N, L, ...)", tensor.shape)
    equal("tensor must have one row per segment", lengths.size, tensor.shape[0])
    fits = max_length in (-1, tensor.shape[1])
    require(fits, "max_length must be the second size of tensor", tensor.shape[1], max_length)
    return TensorSpec(None, tensor.dtype)


UNPACK_SEGMENTS = OpSchema(
    "UnpackSegments",
    doc="""packed_tensor = the first lengths[n] rows of each tensor[n], one after the other.

    With max_length longer segments give the rows there are. Differs from Caffe2: without max_length they are an error
    (there the rows behind are read).
    """,
    inputs=[LENGTHS, Tensor("tensor", "(N, L, ...), any dtype: padded segments")],
    outputs=[Tensor("packed_tensor", "(sum of lengths, ...); dtype of tensor")],
    args=[MAX_LENGTH],
    infer=_infer_unpack,
    cost=lambda *specs, **args: 0,
)


def _require_lengths(lengths):
    low = int(lengths.min()) if lengths.size else 0
    require(low >= 0, "lengths must not be negative", "0 or more", low)


def _padding(dtype, pad_minf):
    if dtype.kind == "O":
        return b""
    return dtype.type(-np.inf) if pad_minf and dtype.kind == "f" else dtype.type(0)


@kernel(PACK_SEGMENTS)
def pack_segments(
    xp, lengths, tensor, *, max_length, pad_minf, return_presence_mask, n_outputs, out=None
):
    _require_lengths(lengths)
    equal("lengths must add up to the number of rows", tensor.shape[0], int(lengths.sum()))
    L = max_length if max_length >= 0 else int(lengths.max()) if lengths.size else 0
    outs = out if isinstance(out, tuple) else (out, None)
    packed = (
        xp.empty((lengths.size, L, *tensor.shape[1:]), tensor.dtype) if outs[0] is None else outs[0]
    )
    packed[...] = _padding(tensor.dtype, pad_minf)
    segment, place = segment_places(xp, lengths, tensor.shape[0])
    kept = place < L
    packed[segment[kept], place[kept]] = tensor[kept]
    if n_outputs == 1:
        return packed
    presence = xp.empty((lengths.size, L), "bool") if outs[1] is None else outs[1]
    presence[...] = xp.arange(L) < lengths[:, None]
    return packed, presence


@kernel(UNPACK_SEGMENTS)
def unpack_segments(xp, lengths, tensor, *, max_length):
    _require_lengths(lengths)
    N, L = tensor.shape[:2]
    if max_length < 0 and N:
        longest = int(lengths.max())
        require(longest <= L, "lengths must not be above the second size of tensor", L, longest)
    return tensor[xp.arange(L) < lengths[:, None]]


@gradient(PACK_SEGMENTS)
def pack_segments_gradient_maker(g):
    inputs = [g.I("lengths"), g.GO("packed_tensor")]
    return [g.op("UnpackSegments", inputs, [g.GI("tensor")])]


@gradient(UNPACK_SEGMENTS)
def unpack_segments_gradient_maker(g):
    inputs = [g.I("lengths"), g.GO("packed_tensor")]
    return [g.op("PackSegments", inputs, [g.GI("tensor")])]


def _packed(X, lengths, L, padding):
    Y = np.full((len(lengths), L, *X.shape[1:]), padding, X.dtype)
    begin = 0
    for n, length in enumerate(lengths):
        for j in range(min(length, L)):
            Y[n, j] = X[begin + j]
        begin += length
    return Y


@cases(PACK_SEGMENTS)
def pack_segments_cases(rng):
    for shape, lengths in [
        ((5, 2), [2, 0, 3]),
        ((4,), [4]),
        ((3, 1, 2), [1, 1, 1]),
        ((0, 2), [0, 0]),
        ((0,), []),
    ]:
        X = rng.uniform(-1, 1, shape)
        longest = max(lengths, default=0)
        for L in (-1, 1, 4):
            size = longest if L < 0 else L
            args = {"max_length": L, "return_presence_mask": True}
            mask = [[j < length for j in range(size)] for length in lengths]
            mask = np.array(mask, bool).reshape(len(lengths), size)
            expect = {"packed_tensor": _packed(X, lengths, size, 0), "presence_mask": mask}
            whole = None if size >= longest and X.size else ()
            for dtype in (np.int32, np.int64):
                inputs = {"lengths": np.array(lengths, dtype), "tensor": X}
                yield Case(inputs, args, expect, grad=whole)
            args = {"max_length": L, "pad_minf": True}
            expect = {"packed_tensor": _packed(X, lengths, size, -np.inf)}
            yield Case(inputs, args, expect, outputs=1, grad=())
    for dtype in (np.int32, np.bool_, object):
        X = np.array([1, 1, 0]).astype(dtype)
        inputs = {"lengths": np.array([1, 2]), "tensor": X}
        padding = b"" if dtype is object else 0
        yield Case(inputs, {}, {"packed_tensor": _packed(X, [1, 2], 2, padding)}, outputs=1)


@cases(UNPACK_SEGMENTS)
def unpack_segments_cases(rng):
    for shape, lengths in [
        ((3, 3, 2), [2, 0, 3]),
        ((2, 4), [4, 1]),
        ((0, 2), []),
        ((2, 0), [0, 0]),
    ]:
        X = rng.uniform(-1, 1, shape)
        rows = [X[n, j] for n, length in enumerate(lengths) for j in range(length)]
        expected = np.array(rows).reshape(len(rows), *shape[2:])
        for dtype in (np.int32, np.int64):
            for L in (-1, shape[1]):
                inputs = {"lengths": np.array(lengths, dtype), "tensor": X}
                whole = None if max(lengths, default=0) == shape[1] or L > 0 else ()
                yield Case(inputs, {"max_length": L}, {"packed_tensor": expected}, grad=whole)
    X = rng.uniform(-1, 1, (2, 2))
    inputs = {"lengths": np.array([3, 1]), "tensor": X}
    yield Case(inputs, {"max_length": 2}, {"packed_tensor": [*X[0], X[1, 0]]}, grad=(), id="cut")
