"""ConvGradient: filters, bias and images, by the algorithm that takes the least time."""

from __future__ import annotations

from c2.compile.native import NativeKernel, NativeRequest
from c2.registry import native
from c2_nnpack.algorithms import winograd_gradient
from c2_nnpack.channels_last import either_order
from c2_nnpack.choose import fastest
from c2_nnpack.convolution import forward_of
from c2_nnpack.limits import Limits


@native("ConvGradient", "Conv2DGradient", engine="NNPACK")
@either_order
def build_convolution_gradient(request: NativeRequest) -> NativeKernel | list[NativeKernel] | str:
    """The native kernel, or why no algorithm here can give the gradients, or none fast enough."""
    one = forward_of(request)
    if isinstance(one, str):
        return one
    ways = winograd_gradient.ways(request, one)
    if isinstance(ways, str):
        return ways
    return fastest(request, ways, (), Limits.from_environment(request.precision))
