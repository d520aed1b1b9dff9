"""Kernels of stride 1 with constant filters, by Fourier's transform of tiles (Mathieu, Henaff & LeCun, 2014).

More exact than Winograd's method, and faster for large kernels (Zlateski, Jia, Li & Durand, 2019).
"""

from __future__ import annotations

from collections.abc import Sequence

from c2.compile.native import NativeRequest
from c2_nnpack.algorithms import Way
from c2_nnpack.algorithms.tiled import Tiling, ways_of
from c2_nnpack.convolution import Convolution

TILES = {"FT8": 8, "FT16": 16}
ALGOS = tuple(TILES)
TRANSFORM = 18
# Tile -> bound of the error that is tested, relative to the largest output.
ERRORS = {8: 3e-6, 16: 5e-6}


def tiling(tile: int, kernel: tuple[int, int]) -> Tiling:
    """Tiles of that height and width."""
    rows, columns = (tile - k + 1 for k in kernel)
    return Tiling(f"FT{tile}", tile, (rows, columns), TRANSFORM, fourier=True)


def tilings(kernel: tuple[int, int], algos: Sequence[str]) -> list[Tiling]:
    """Those of the algos for kernels of that height and width."""
    return [tiling(TILES[algo], kernel) for algo in algos if max(kernel) <= TILES[algo]]


def ways(request: NativeRequest, one: Convolution, asked: bool) -> list[Way] | str:
    """Tiles of 8 x 8 and of 16 x 16, where they gain enough."""
    if one.group != 1:
        return "one group only"
    if {*one.stride, *one.dilation} != {1}:
        return "stride 1 and dilation 1 only"
    wanted = [request.args["algo"]] if asked else ALGOS
    found = tilings(one.kernel, wanted)
    if not found:
        return f"kernels up to {TILES[wanted[-1]]}x{TILES[wanted[-1]]} only"
    return (
        ways_of(request, one, found, asked)
        or "Fourier tiles would not be faster than a direct convolution here"
    )
