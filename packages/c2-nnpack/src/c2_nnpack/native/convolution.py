"""Conv, by the algorithm that takes the least time."""

from __future__ import annotations

from dataclasses import replace

from c2.compile.native import NativeKernel, NativeRequest
from c2.registry import native
from c2_nnpack.algorithms import depthwise, fourier, winograd
from c2_nnpack.convolution import convolution_of

ALGORITHMS = (depthwise, winograd, fourier)


@native("Conv", "Conv2D", engine="NNPACK")
def build_convolution(request: NativeRequest) -> NativeKernel | list[NativeKernel] | str:
    """The native kernel, or why no algorithm here can give the convolution, or none fast enough."""
    one = convolution_of(request)
    if isinstance(one, str):
        return one
    algo = request.args["algo"]
    tried = [a for a in ALGORITHMS if algo == "AUTO" or algo in a.ALGOS]
    if not tried:
        return f"algo {algo} is asked for"
    found = [a.ways(request, one, algo != "AUTO") for a in tried]
    ways = [way for some in found if not isinstance(some, str) for way in some]
    if not ways:
        return "; ".join(reason for reason in found if isinstance(reason, str))
    ways.sort(key=lambda way: way.cycles)
    built = [replace(way.build(), label=way.label) for way in ways[: None if request.every else 1]]
    return built if request.every else built[0]
