"""Operators that put blobs together, or pass them on. What moves memory yields to c2-mkl, which takes as long."""

from __future__ import annotations

from itertools import accumulate
from math import prod

from c2.compile.layout import PLAIN, Layout
from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.shape.joined_axis import adds_axis, joined_axis
from c2.registry import native
from c2_nnpack.kernels import native_call
from c2_nnpack.layout import BLOCK, C16, C16_LAST, FIRST, IMAGES_ONLY, kept_layout

MOST = 32  # inputs that the C part's context has room for


@native("Concat", "DepthConcat", engine="NNPACK")
def build_concat(request: NativeRequest) -> NativeKernel | str:
    """The native kernel; where the outer axes have size 1, inputs may be made where they belong, and nothing moves."""
    first, Y = request.inputs[0], request.outputs[0]
    if len(request.inputs) > MOST or first.dtype == object or Y.size == 0:
        return f"at most {MOST} inputs of numbers, and no empty tensors"
    assert Y.shape is not None
    added = adds_axis(request.args["axis"], request.args["add_axis"])
    axis = joined_axis(request.args["axis"], request.args["order"], len(first.shape or ()) + added)
    layout = PLAIN if added else _joined_layout(request, axis)
    outer = prod(Y.shape[:axis]) if layout == PLAIN else Y.shape[0]
    parts = [layout.nbytes(s) // outer for s in request.inputs]
    fields = {
        "outer": outer, "bytes": parts, "count": len(parts), "threads": request.threads,
        "sizes": [1 if added else (s.shape or ())[axis] for s in request.inputs],
        "told": len(request.outputs) > 1,
    }  # fmt: skip
    more = (PLAIN,) * (len(request.outputs) - 1)
    return native_call(
        "join", fields, input_layouts=(layout,) * len(parts), output_layouts=(layout, *more),
        slices=tuple(accumulate(parts[:-1], initial=0)) if outer == 1 else (), yields=True,
    )  # fmt: skip


def _joined_layout(request: NativeRequest, axis: int) -> Layout:
    """Blocks where all inputs come in those of the channels, and none but the last one is padded."""
    layout = kept_layout(request, len(request.inputs))
    if {C16: 1, C16_LAST: 3}.get(layout) != axis:
        return PLAIN
    whole = all((s.shape or ())[axis] % BLOCK == 0 for s in request.inputs[:-1])
    return layout if whole else PLAIN


@native("Copy", "Dropout", "Flatten", "FlattenToVec", "StopGradient", engine="NNPACK")
def build_copy(request: NativeRequest) -> NativeKernel | str:
    """The native kernel, which moves nothing where its input may lie in its output's place."""
    X, Y = request.inputs[0], request.outputs[0]
    if request.type == "Dropout" and (not request.args["is_test"] or len(request.outputs) > 1):
        return "test mode with one output only"
    if len(request.inputs) > 1 or request.post or X.dtype == object or X.size == 0:
        return "one input of numbers only, and no empty tensors"
    layout = kept_layout(request) if X.shape == Y.shape else PLAIN
    size = layout.nbytes(X)
    fields = {"outer": 1, "bytes": [size], "count": 1, "threads": 1}
    return native_call(
        "join", fields, input_layouts=(layout,), output_layouts=(layout,), slices=(0,), yields=True
    )


@native("NCHW2NHWC", "NHWC2NCHW", engine="NNPACK")
def build_order(request: NativeRequest) -> NativeKernel | str:
    """The native kernel of float32 images. It moves nothing: each order has the other's memory as a layout."""
    X = request.inputs[0]
    if request.layouts is None:
        return "plain layouts only are asked for"
    if X.ndim != 4 or X.dtype != "float32" or X.size == 0:
        return f"float32 {IMAGES_ONLY}"
    to_last = request.type == "NCHW2NHWC"
    blocks = request.layouts[0] == (C16 if to_last else C16_LAST)
    ends = (C16, C16_LAST) if blocks else (PLAIN, FIRST)
    taken, given = ends if to_last else ends[::-1]
    fields = {"outer": 1, "bytes": [taken.nbytes(X)], "count": 1, "threads": 1}
    return native_call("join", fields, input_layouts=(taken,), output_layouts=(given,), slices=(0,))
