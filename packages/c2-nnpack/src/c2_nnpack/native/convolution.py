"""Conv, by the algorithm that takes the least time."""

from __future__ import annotations

from types import ModuleType

from c2.compile.native import NativeKernel, NativeRequest
from c2.registry import native
from c2_nnpack import library_convolution
from c2_nnpack.algorithms import depthwise, direct, fourier, winograd, winograd_changing
from c2_nnpack.channels_last import either_order
from c2_nnpack.choose import fastest
from c2_nnpack.convolution import convolution_of
from c2_nnpack.library import provider
from c2_nnpack.limits import Limits

ALGORITHMS = (depthwise, winograd, fourier, direct)
CHANGING = (winograd_changing,)  # for filters that may change
IN_HALVES = (winograd, fourier)


@native("Conv", "Conv2D", engine="NNPACK")
@either_order
def build_convolution(request: NativeRequest) -> NativeKernel | list[NativeKernel] | str:
    """The native kernel, or why no algorithm here can give the convolution, or none fast enough."""
    if provider() == "library":
        return library_convolution.build(request)
    return _by_algorithms(request, ALGORITHMS, CHANGING)


@native("Conv", "Conv2D", engine="NNPACK", precision="fp16")
@either_order
def build_convolution_of_halves(
    request: NativeRequest,
) -> NativeKernel | list[NativeKernel] | str:
    """With packed filters in float16; all computing is in float32."""
    return _by_algorithms(request, IN_HALVES, ())


def _by_algorithms(
    request: NativeRequest, constant: tuple[ModuleType, ...], changing: tuple[ModuleType, ...]
) -> NativeKernel | list[NativeKernel] | str:
    one = convolution_of(request)
    if isinstance(one, str):
        return one
    algorithms = constant if one.constant else changing
    if not algorithms:
        return "filters that may change"
    algo = request.args["algo"]
    tried = [a for a in algorithms if algo == "AUTO" or algo in a.ALGOS]
    if not tried:
        return f"algo {algo} is asked for"
    found = [a.ways(request, one, algo != "AUTO") for a in tried]
    ways = [way for some in found if not isinstance(some, str) for way in some]
    reasons = [reason for reason in found if isinstance(reason, str)]
    limits = Limits.from_environment(request.precision) if algo == "AUTO" else None
    return fastest(request, ways, reasons, limits)
