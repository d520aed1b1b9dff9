"""Which of several ways is taken: the one with the least estimated time that keeps the limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from c2.compile.native import NativeKernel, NativeRequest
from c2_nnpack.algorithms import Way
from c2_nnpack.limits import Limits


def fastest(
    request: NativeRequest, ways: Sequence[Way], reasons: Sequence[str], limits: Limits | None
) -> NativeKernel | list[NativeKernel] | str:
    """The kernel, or where every one is asked for, all, the likely fastest first; or why there is none.

    Args:
        reasons: why there are no other ways.
        limits: None where any will do.
    """
    refused = list(reasons)
    built: list[NativeKernel] = []
    wanted = [way for way in ways if request.way in (None, way.label)]
    for way in sorted(wanted, key=lambda way: way.cycles):
        kernel = _build(way, limits)
        if isinstance(kernel, str):
            refused.append(kernel)
            continue
        if not request.every:
            return kernel
        built.append(kernel)
    return built or "; ".join(refused)


def _build(way: Way, limits: Limits | None) -> NativeKernel | str:
    """The kernel, or which limit it does not keep."""
    reason = limits.refusal(way) if limits else None
    if reason:
        return reason
    kernel = replace(way.build(), label=way.label)
    return (limits.imprecise(way) if limits else None) or kernel
