"""FC with constant weights."""

from __future__ import annotations

from math import prod

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.linear.flatten import as_matrix
from c2.registry import native
from c2_nnpack.convolution import fused_of
from c2_nnpack.kernels import kernels, native_call, vector_lanes
from c2_nnpack.layout import BLOCK, C16
from c2_nnpack.weights import packed_filters

FEW = 4  # rows: with no more the weights' way through memory takes the time, as it does for c2-mkl


@native("FC", "FCTransposed", engine="NNPACK")
def build_fc(request: NativeRequest) -> NativeKernel | str:
    """The native kernel. Images in whole blocks are read as they lie: the weights are packed in their order."""
    ends = [*request.inputs, *request.outputs]
    if any(s.dtype != "float32" or s.size == 0 for s in ends):
        return "float32 only, and no empty tensors"
    if 1 not in request.constants:
        return "weights that may change"
    fused = fused_of(request, padded=False)
    if isinstance(fused, str):
        return fused
    X, _, b = request.inputs
    M, K = as_matrix(X.shape or (), request.args["axis"])
    positions = _positions(request)
    ffi, lib = kernels()
    fields = {
        "M": M, "K": K, "N": b.size, "lanes": vector_lanes(), "threads": request.threads,
        "low": fused.low, "high": fused.high,
    }  # fmt: skip
    form = ffi.new("c2_fc *", fields)
    strides = (K, 1) if request.type == "FC" else (1, b.size)
    packed = packed_filters(
        request.constants[1], ("FC", form.lanes, request.type, K, positions), lib.c2_fc_weights(form),
        lambda source, target: lib.c2_pack_fc(form, source, *strides, positions, target),
    )  # fmt: skip
    return native_call(
        "fc", {**fields, "weights": packed.address}, packed, packed=(1,),
        input_layouts=(C16 if positions > 1 else PLAIN, PLAIN, PLAIN), output_layouts=(PLAIN,),
        yields=M <= FEW and positions == 1,
    )  # fmt: skip


def _positions(request: NativeRequest) -> int:
    """Positions of X's images where they come in blocks and no channel is missing; else 1: a plain matrix."""
    shape = request.inputs[0].shape or ()
    flat = request.args["axis"] in (1, 1 - len(shape))
    blocks = request.layouts is not None and request.layouts[0] == C16
    return prod(shape[2:]) if blocks and flat and shape[1] % BLOCK == 0 else 1
