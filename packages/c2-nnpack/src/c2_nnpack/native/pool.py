"""MaxPool and AveragePool."""

from __future__ import annotations

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.pool.pool import pool_window
from c2.registry import native
from c2_nnpack.channels_last import either_order
from c2_nnpack.convolution import fused_of
from c2_nnpack.kernels import native_call, vector_lanes
from c2_nnpack.layout import C16, blocks_of, why_no_blocks


@native("MaxPool", "MaxPool2D", "AveragePool", "AveragePool2D", engine="NNPACK")
@either_order
def build_pool(request: NativeRequest) -> NativeKernel | str:
    """The native kernel; a pool of whole images with whole blocks gives a plain blob, which is the same memory."""
    why, fused = why_no_blocks(request), fused_of(request)
    if why is not None:
        return why
    if isinstance(fused, str):
        return fused
    args, X = request.args, request.inputs[0]
    names = ("order", "count_include_pad")
    one = pool_window(X, args["order"], {k: v for k, v in args.items() if k not in names})
    if min(one.head) < 0:
        return "pads that crop"
    N, C = (X.shape or ())[:2]
    whole = set(one.outputs) == {1}
    window = {
        "N": N, "blocks": blocks_of(C), "inputs": one.inputs, "outputs": one.outputs, "kernel": one.kernel,
        "stride": one.stride, "dilation": one.dilation, "head": one.head,
    }  # fmt: skip
    fields = {
        "window": window, "channels": C if whole else 0, "average": request.type.startswith("Average"),
        "include_pad": int(args.get("count_include_pad", 0)), "lanes": vector_lanes(),
        "threads": request.threads, "low": fused.low, "high": fused.high,
    }  # fmt: skip
    given = PLAIN if whole else C16
    even = whole and fields["average"]  # c2-mkl takes as long
    return native_call(
        "pool", fields, input_layouts=(C16,), output_layouts=(given,), yields=bool(even)
    )
