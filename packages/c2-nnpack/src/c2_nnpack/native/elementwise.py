"""Relu, Clip, and sums of blobs of one shape. Memory takes the time: all yield to c2-mkl, which takes as long."""

from __future__ import annotations

from math import inf

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2.registry import native
from c2_nnpack.convolution import Fused, fused_of, limits
from c2_nnpack.kernels import native_call, vector_lanes
from c2_nnpack.layout import kept_layout


@native("Relu", "Clip", engine="NNPACK")
def build_activation(request: NativeRequest) -> NativeKernel | str:
    """The native kernel, in the layout that X has."""
    if request.post:
        return "one activation only"
    low, high = (0.0, inf) if request.type == "Relu" else limits(request.args)
    return _clipped_sum(request, Fused(False, low, high))


@native("Sum", "Add", engine="NNPACK")
def build_sum(request: NativeRequest) -> NativeKernel | str:
    """The native kernel, in the layout that all inputs have."""
    fused = fused_of(request, padded=False)
    return fused if isinstance(fused, str) else _clipped_sum(request, fused)


def _clipped_sum(request: NativeRequest, fused: Fused) -> NativeKernel | str:
    count, Y = len(request.inputs), request.outputs[0]
    if any(s.dtype != "float32" or s.shape != Y.shape or s.size == 0 for s in request.inputs):
        return "float32 of one shape only, and no empty tensors"
    if len(request.outputs) > 1:
        return "one output only"
    layout = kept_layout(request, count)
    if not fused.low <= 0 <= fused.high and layout.nbytes(Y) != Y.nbytes:
        layout = PLAIN  # zeros fill the last block of channels and stay
    fields = {
        "n": layout.nbytes(Y) // 4, "count": count, "lanes": vector_lanes(),
        "threads": request.threads, "low": fused.low, "high": fused.high,
    }  # fmt: skip
    return native_call(
        "clipped_sum",
        fields,
        input_layouts=(layout,) * count,
        output_layouts=(layout,),
        yields=True,
    )
