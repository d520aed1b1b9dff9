"""Conv with Relu, or with a Sum and Relu, as one call of cuDNN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.conv.geometry import resolve_window, spatial
from c2.registry import native
from c2_cuda.cudnn.convolution import Convolution, wish_of
from c2_cuda.kernels.conv import TYPES, takes
from c2_cuda.library import cupy
from c2_cuda.native.post import what_follows


@native(*TYPES, device="CUDA", engine="CUDNN", supports=takes)
def build_conv(request: NativeRequest) -> NativeKernel | str:
    follows = what_follows(request)
    if isinstance(follows, str):
        return follows
    if not follows.relu:
        return "cuDNN fuses what ends with Relu"
    X, W = request.inputs[:2]
    assert X.shape is not None
    assert W.shape is not None
    args = {k: v for k, v in request.args.items() if k not in ("order", "group")}
    order, group = request.args["order"].upper(), request.args["group"]
    window = resolve_window(spatial(X.shape, order), **args)
    wish = wish_of(X.dtype, **args)
    xp = cupy()
    convolution = Convolution(xp, X.shape, W.shape, X.dtype, window, group, order, wish)
    with_bias = len(request.inputs) - follows.sum == 3
    zeros = None if with_bias else xp.zeros(W.shape[0], X.dtype)

    def launch(arrays: Sequence[Any]) -> None:
        x, w, *rest, y = arrays
        bias = rest.pop(0) if with_bias else zeros
        convolution.fused(x, w, bias, y, rest[0] if follows.sum else None)

    reason = convolution.why_not_fused(follows.sum)
    return NativeKernel(launch=launch, keep=zeros) if reason is None else reason
