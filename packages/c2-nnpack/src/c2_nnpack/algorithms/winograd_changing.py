"""Kernels 3x3 of stride 1 with filters that may change, by Winograd's method: they are transformed at every run."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2_nnpack.algorithms import Way, direct, tiled, winograd
from c2_nnpack.algorithms.tiled import Tiling
from c2_nnpack.convolution import Convolution, positions_of
from c2_nnpack.kernels import kernels
from c2_nnpack.layout import BLOCK, C16

ALGOS = winograd.ALGOS
KERNEL = (3, 3)
FILTERS = 5  # cycles for a point of 16 filters, to transform it
TAPS = 20  # cycles for a tap of 16 filters, to put it in order
DIRECT_TAPS = 10  # oneDNN's
CACHE = 4 << 20  # bytes of transformed filters, or tiles, that no memory is needed for
CYCLES_PER_BYTE = 0.3  # of the others, to write or to read it
ERRORS = {m: bound for (m, r), bound in winograd.ERRORS.items() if (r, r) == KERNEL}


def ways(request: NativeRequest, one: Convolution, asked: bool) -> list[Way] | str:
    """F(m x m, 3 x 3) for each m that gains enough."""
    reason = unfit(one, asked)
    if reason:
        return reason
    limit = tiled.GAIN * direct_cycles(one)
    found = [t for t in winograd.tilings(KERNEL) if asked or cycles(one, t) <= limit]
    return [
        Way(t.label, cycles(one, t), partial(_kernel, request, one, t), _memory(request, one, t), spreads=True)
        for t in found
    ] or "Winograd would not be faster than a direct convolution here"  # fmt: skip


def unfit(one: Convolution, asked: bool) -> str:
    """Why a convolution cannot be computed so, or is surely not faster; or ""."""
    if one.group != 1:
        return "one group only"
    if one.kernel != KERNEL or {*one.stride, *one.dilation} != {1}:
        return "kernel 3x3, stride 1 and dilation 1 only"
    if min(one.C, one.K) < tiled.FEW and not asked:
        return f"fewer than {tiled.FEW} channels"
    return ""


def cycles(one: Convolution, tiling: Tiling) -> float:
    """With those for the transform of filters."""
    C, K = one.blocks
    points = tiling.points * BLOCK * C * K
    filters = points * FILTERS + fetching(one, TAPS)
    if in_pieces(one, tiling):
        return tiling.cycles(one, 0) + filters
    return tiling.cycles(one) + filters + 2 * from_memory(points)


def direct_cycles(one: Convolution) -> float:
    """Of a direct convolution, whose filters are put in order at every run as well."""
    return direct.direct_cycles(one) + fetching(one, DIRECT_TAPS)


def fetching(one: Convolution, tap: int) -> float:
    """Cycles to put filters in order, or their gradients; memory takes twice as long for rows that lie apart."""
    C, K = one.blocks
    taps = math.prod(one.kernel) * BLOCK * C * K
    return taps * tap + 2 * from_memory(taps)


def from_memory(vectors: int) -> float:
    """Cycles to write or to read so many vectors of 16 numbers, where they are too many for a cache."""
    return max(0, vectors * 64 - CACHE) * CYCLES_PER_BYTE


def in_pieces(one: Convolution, tiling: Tiling) -> bool:
    """Whether filters are transformed piece by piece, for all tiles at once.

    It is so where no cache keeps all filters, but one keeps all tiles.
    """
    C, K = one.blocks
    block = tiling.points * BLOCK * 4  # bytes
    return block * BLOCK * C * K > CACHE >= block * C * tiling.tiles(one)


def fields(
    one: Convolution, tiling: Tiling, places: dict[str, int], turned: bool = False
) -> dict[str, Any]:
    """A `c2_winograd_changing` in C, whose filters are a call's second buffer."""
    return {
        "tiled": tiled.fields(one, tiling, places), "C": one.C, "filters": 1, "turned": turned,
        "in_pieces": in_pieces(one, tiling),
    }  # fmt: skip


def _context(request: NativeRequest, one: Convolution, tiling: Tiling) -> Any:
    made = fields(one, tiling, positions_of(request, one.fused))
    return kernels()[0].new("c2_winograd_changing *", made)


def _memory(request: NativeRequest, one: Convolution, tiling: Tiling) -> int:
    return int(kernels()[1].c2_winograd_changing_scratch(_context(request, one, tiling)))


def _kernel(request: NativeRequest, one: Convolution, tiling: Tiling) -> NativeKernel:
    ffi, lib = kernels()
    context = _context(request, one, tiling)
    middle = [PLAIN] * (len(request.inputs) - 1)
    if one.fused.adds:
        middle[-1] = C16
    return NativeKernel(
        int(ffi.cast("uintptr_t", ffi.addressof(lib, "c2_run_winograd_changing"))),
        int(ffi.cast("uintptr_t", context)),
        keep=context, scratch=lib.c2_winograd_changing_scratch(context),
        input_layouts=(C16, *middle), output_layouts=(C16,),
    )  # fmt: skip
