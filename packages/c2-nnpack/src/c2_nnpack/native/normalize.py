"""SpatialBN in test mode, LRN and Softmax."""

from __future__ import annotations

from math import prod

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.linear.flatten import as_matrix
from c2.registry import native
from c2_nnpack.channels_last import either_order
from c2_nnpack.convolution import fused_of
from c2_nnpack.kernels import native_call, vector_lanes
from c2_nnpack.layout import BLOCK, C16, blocks_of, why_no_blocks


@native("SpatialBN", engine="NNPACK")
@either_order
def build_spatial_bn(request: NativeRequest) -> NativeKernel | str:
    """The native kernel of the test mode."""
    why, fused = why_no_blocks(request), fused_of(request)
    if not request.args["is_test"] or len(request.inputs) != 5 or len(request.outputs) != 1:
        return "test mode only"
    if why is not None:
        return why
    if isinstance(fused, str):
        return fused
    N, C, *sizes = request.inputs[0].shape or ()
    fields = {
        "N": N, "blocks": blocks_of(C), "C": C, "positions": prod(sizes),
        "epsilon": request.args["epsilon"], "low": fused.low, "high": fused.high,
        "lanes": vector_lanes(), "threads": request.threads,
    }  # fmt: skip
    return native_call(
        "spatial_bn", fields, input_layouts=(C16, *[PLAIN] * 4), output_layouts=(C16,)
    )


@native("LRN", engine="NNPACK")
@either_order
def build_lrn(request: NativeRequest) -> NativeKernel | str:
    """The native kernel, without the scale as a second output. It yields to c2-mkl, which takes half as long."""
    args, why = request.args, why_no_blocks(request)
    if why is not None:
        return why
    if len(request.outputs) > 1 or request.post:
        return "one output and no activation only"
    if args["bias"] <= 0:
        return "bias > 0 only"
    N, C, *sizes = request.inputs[0].shape or ()
    row = blocks_of(C) * BLOCK + blocks_of(args["size"] - 1) * BLOCK
    fields = {
        "N": N, "blocks": blocks_of(C), "positions": prod(sizes), "alpha": args["alpha"],
        "beta": args["beta"], "bias": args["bias"], "size": args["size"], "lanes": vector_lanes(),
        "threads": request.threads, "scratch": 2,
    }  # fmt: skip
    return native_call(
        "lrn", fields, scratch=4 * request.threads * row, input_layouts=(C16,), output_layouts=(C16,),
        yields=True,
    )  # fmt: skip


@native("Softmax", engine="NNPACK")
def build_softmax(request: NativeRequest) -> NativeKernel | str:
    """The native kernel, for a plain matrix."""
    X = request.inputs[0]
    if X.dtype != "float32" or X.size == 0 or request.post:
        return "float32 only, no empty tensors, no activation"
    rows, columns = as_matrix(X.shape or (), request.args["axis"])
    fields = {
        "rows": rows, "columns": columns, "lanes": vector_lanes(), "threads": request.threads,
    }  # fmt: skip
    return native_call("softmax", fields, input_layouts=(PLAIN,), output_layouts=(PLAIN,))
