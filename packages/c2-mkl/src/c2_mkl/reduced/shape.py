"""Concat, Copy and Flatten of blobs that are kept in reduced precision."""

from __future__ import annotations

from math import prod

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.shape.joined_axis import adds_axis, joined_axis
from c2_mkl.call import Declined, chain_of, reduced_native
from c2_mkl.image import is_image
from c2_mkl.library import OneDNN
from c2_mkl.native.shape import MOST
from c2_mkl.reduced.storage import ITEMSIZE, Kept, kept, kept_for, kept_inputs


@reduced_native("Concat", "DepthConcat", any_dtype=True)  # its second output holds sizes
def build_concat(request: NativeRequest, library: OneDNN) -> NativeKernel:
    first = request.inputs[0].shape
    assert first is not None
    if len(request.inputs) > MOST or adds_axis(request.args["axis"], request.args["add_axis"]):
        raise Declined(f"at most {MOST} inputs, and no new axis")
    axis = joined_axis(request.args["axis"], request.args["order"], len(first))
    layout = _joined(request, last=axis == 1 and is_image(request.inputs[0]))
    outer = prod(first[:axis]) * (prod(first[2:]) if layout.last else 1)
    fields = {
        "outer": outer, "bytes": [spec.size // outer * ITEMSIZE[layout.dtype] for spec in request.inputs],
        "sizes": [spec.shape[axis] for spec in request.inputs if spec.shape], "count": len(request.inputs),
        "threads": request.threads,
    }  # fmt: skip
    chain = chain_of(request, library)
    chain.add("concat", fields, range(len(request.inputs) + 2))
    return chain.kernel([layout] * len(request.inputs), [layout, PLAIN])


def _joined(request: NativeRequest, last: bool) -> Kept:
    """The layout of all inputs where they share one, else that of the output."""
    have = kept_inputs(request)
    if all(one is None for one in have):
        raise Declined("its inputs are float32")
    if have[0] is not None and have[0].last == last and len(set(have)) == 1:
        return have[0]
    return kept_for(request, len(request.inputs), last)


@reduced_native("Copy", "Dropout", "StopGradient")
def build_copy(request: NativeRequest, library: OneDNN) -> NativeKernel:
    layout = _only(request)
    if request.type == "Dropout" and not request.args["is_test"]:
        raise Declined("test mode only")
    return _copied(request, library, layout, layout)


@reduced_native("Flatten", "FlattenToVec")
def build_flatten(request: NativeRequest, library: OneDNN) -> NativeKernel:
    layout, spec = _only(request), request.inputs[0]
    plain = kept(layout.dtype, False, layout.scale)
    one_position = layout.last and prod((spec.shape or ())[2:]) == 1
    return _copied(request, library, layout if one_position else plain, plain)


def _only(request: NativeRequest) -> Kept:
    have = kept_inputs(request)
    if len(have) != 1 or have[0] is None or len(request.outputs) != 1:
        raise Declined("one input that is kept in reduced precision, and one output")
    return have[0]


def _copied(request: NativeRequest, library: OneDNN, X: Kept, Y: Kept) -> NativeKernel:
    chain = chain_of(request, library)
    chain.add("copy", {"bytes": X.nbytes(request.inputs[0])}, [0, chain.output])
    return chain.kernel([X], [Y])
