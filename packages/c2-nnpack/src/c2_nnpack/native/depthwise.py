"""Conv for the engine name that Caffe2's models give to depthwise convolutions: `DEPTHWISE_3x3`."""

from __future__ import annotations

from dataclasses import replace

from c2.compile.native import NativeKernel, NativeRequest
from c2.registry import native
from c2_nnpack.algorithms import depthwise
from c2_nnpack.channels_last import either_order
from c2_nnpack.convolution import convolution_of


@native("Conv", "Conv2D", engine="DEPTHWISE_3x3")
@either_order
def build_depthwise_3x3(request: NativeRequest) -> NativeKernel | str:
    """The native kernel of a depthwise convolution 3x3; the engine is tried only where an operator names it."""
    one = convolution_of(request)
    if isinstance(one, str):
        return one
    if one.kernel != (3, 3):
        return "kernel 3x3 only"
    ways = depthwise.ways(request, one, True)
    return ways if isinstance(ways, str) else replace(ways[0].build(), label=ways[0].label)
