"""Kernels 3x3 and 5x5 of stride 1 with constant filters, by Winograd's method (Lavin & Gray, 2016)."""

from __future__ import annotations

from c2.compile.native import NativeRequest
from c2_nnpack.algorithms import Way
from c2_nnpack.algorithms.tiled import Tiling, ways_of
from c2_nnpack.convolution import Convolution

ALGOS = ("WINOGRAD",)
TRANSFORM = 12
# (m, r) of F(m x m, r x r) -> bound of the error that is tested, relative to the largest output. The largest one found
# with up to 512 channels is a quarter to a half of it; a direct convolution in float32 has 7e-7.
ERRORS = {(2, 3): 3e-6, (4, 3): 5e-5, (6, 3): 1e-4, (2, 5): 5e-5, (4, 5): 1e-4}


def tiling(m: int, r: int) -> Tiling:
    """F(m x m, r x r)."""
    return Tiling(f"WINOGRAD F({m}x{m}, {r}x{r})", m + r - 1, (m, m), TRANSFORM)


def tilings(kernel: tuple[int, int]) -> list[Tiling]:
    """All for kernels of that height and width."""
    return [tiling(m, r) for m, r in ERRORS if kernel == (r, r)]


def ways(request: NativeRequest, one: Convolution, asked: bool) -> list[Way] | str:
    """F(m x m, r x r) for each m that gains enough."""
    if one.group != 1:
        return "one group only"
    found = tilings(one.kernel)
    if not found or {*one.stride, *one.dilation} != {1}:
        return "kernel 3x3 or 5x5, stride 1 and dilation 1 only"
    return (
        ways_of(request, one, found, asked)
        or "Winograd would not be faster than a direct convolution here"
    )
