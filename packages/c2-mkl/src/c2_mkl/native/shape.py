"""Operators that move numbers, or do not even that."""

from __future__ import annotations

from itertools import accumulate
from math import prod

from c2.compile.layout import PLAIN, Layout
from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.shape.joined_axis import adds_axis, joined_axis
from c2_mkl.call import Declined, chain_of, mkl_native
from c2_mkl.image import block_of, common_layout, image_of, is_image
from c2_mkl.library import OneDNN

MOST = 32  # inputs that the C part's context has room for


@mkl_native("Concat", "DepthConcat", any_dtype=True)
def build_concat(request: NativeRequest, library: OneDNN) -> NativeKernel:
    first = request.inputs[0]
    assert first.shape is not None
    if len(request.inputs) > MOST or first.dtype == object:
        raise Declined(f"at most {MOST} inputs, and numbers only")
    added = adds_axis(request.args["axis"], request.args["add_axis"])
    axis = joined_axis(request.args["axis"], request.args["order"], len(first.shape) + added)
    layout = _joined_layout(request) if axis == 1 and not added else PLAIN
    itemsize = first.dtype.itemsize
    if layout == PLAIN:
        outer = prod(first.shape[:axis])
        parts = [s.size // outer * itemsize for s in request.inputs]
    else:
        images = [image_of(s, layout) for s in request.inputs]
        joined = block_of(layout, request.outputs[0].shape[1])  # type: ignore[index]
        outer = images[0].N * (images[0].positions if joined == request.outputs[0].shape[1] else 1)  # type: ignore[index]
        parts = [image.size // outer * itemsize for image in images]
    sizes = [1 if added else s.shape[axis] for s in request.inputs]  # type: ignore[index]
    chain = chain_of(request, library)
    fields = {
        "outer": outer,
        "bytes": parts,
        "sizes": sizes,
        "count": len(parts),
        "threads": request.threads,
    }
    chain.add("concat", fields, range(len(parts) + 2))
    slices = tuple(accumulate(parts[:-1], initial=0)) if outer == 1 else ()
    return chain.kernel([layout] * len(parts), [layout, PLAIN], slices=slices)


def _joined_layout(request: NativeRequest) -> Layout:
    """The layout that inputs have already, where all of them fit its blocks."""
    layout = common_layout(request.layouts)
    if (
        layout == PLAIN
        or not all(map(is_image, request.inputs))
        or request.inputs[0].dtype != "float32"
    ):
        return PLAIN
    whole = all(image_of(s, layout).size == s.size for s in request.inputs)
    return layout if whole else PLAIN


@mkl_native("Copy", "Flatten", "FlattenToVec", "StopGradient", any_dtype=True)
def build_copy(request: NativeRequest, library: OneDNN) -> NativeKernel:
    X, Y = request.inputs[0], request.outputs[0]
    if len(request.inputs) > 1 or X.dtype == object:
        raise Declined("one input of numbers")
    layout = common_layout(request.layouts) if X.shape == Y.shape else PLAIN
    chain = chain_of(request, library)
    chain.add("copy", {"bytes": layout.nbytes(X)}, [0, chain.output])
    return chain.kernel([layout], [layout])
