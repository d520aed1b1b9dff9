"""Conv, by the algorithm that takes the least time."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

from c2.compile.native import NativeKernel, NativeRequest
from c2.registry import native
from c2_nnpack.algorithms import Way, depthwise, direct, fourier, winograd
from c2_nnpack.convolution import convolution_of
from c2_nnpack.limits import Limits

ALGORITHMS = (depthwise, winograd, fourier, direct)
IN_HALVES = (winograd, fourier)


@native("Conv", "Conv2D", engine="NNPACK")
def build_convolution(request: NativeRequest) -> NativeKernel | list[NativeKernel] | str:
    """The native kernel, or why no algorithm here can give the convolution, or none fast enough."""
    return _fastest(request, ALGORITHMS)


@native("Conv", "Conv2D", engine="NNPACK", precision="fp16")
def build_convolution_of_halves(
    request: NativeRequest,
) -> NativeKernel | list[NativeKernel] | str:
    """With packed filters in float16; all computing is in float32."""
    return _fastest(request, IN_HALVES)


def _fastest(
    request: NativeRequest, algorithms: tuple[ModuleType, ...]
) -> NativeKernel | list[NativeKernel] | str:
    one = convolution_of(request)
    if isinstance(one, str):
        return one
    algo = request.args["algo"]
    tried = [a for a in algorithms if algo == "AUTO" or algo in a.ALGOS]
    if not tried:
        return f"algo {algo} is asked for"
    found = [a.ways(request, one, algo != "AUTO") for a in tried]
    ways = [way for some in found if not isinstance(some, str) for way in some]
    ways.sort(key=lambda way: way.cycles)
    reasons = [reason for reason in found if isinstance(reason, str)]
    limits = Limits.from_environment(request.precision) if algo == "AUTO" else None
    built: list[NativeKernel] = []
    for way in ways:
        kernel = _build(way, limits)
        if isinstance(kernel, str):
            reasons.append(kernel)
            continue
        if not request.every:
            return kernel
        built.append(kernel)
    return built or "; ".join(reasons)


def _build(way: Way, limits: Limits | None) -> NativeKernel | str:
    """The kernel, or which limit it does not keep."""
    reason = limits.refusal(way) if limits else None
    if reason:
        return reason
    kernel = replace(way.build(), label=way.label)
    return (limits.imprecise(way) if limits else None) or kernel
