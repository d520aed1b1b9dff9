"""Operators that put blobs together, or pass them on. All yield to c2-mkl, which takes as long."""

from __future__ import annotations

from itertools import accumulate
from math import prod

from c2.compile.layout import PLAIN, Layout
from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.shape.joined_axis import adds_axis, joined_axis
from c2.registry import native
from c2_nnpack.kernels import native_call
from c2_nnpack.layout import BLOCK, kept_layout

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
    layout = _joined_layout(request) if axis == 1 and not added else PLAIN
    outer = prod(Y.shape[:axis])
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


def _joined_layout(request: NativeRequest) -> Layout:
    """Blocks where all inputs come in them and none but the last one is padded."""
    whole = all((s.shape or (0, 0))[1] % BLOCK == 0 for s in request.inputs[:-1])
    return kept_layout(request, len(request.inputs)) if whole else PLAIN


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
