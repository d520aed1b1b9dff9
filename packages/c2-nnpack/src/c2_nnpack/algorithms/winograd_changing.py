"""Kernels 3x3 of stride 1 with filters that may change, by Winograd's method: they are transformed at every run."""

from __future__ import annotations

from functools import partial
from typing import Any

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2_nnpack.algorithms import Way, direct, tiled, winograd
from c2_nnpack.algorithms.tiled import Tiling
from c2_nnpack.convolution import Convolution, positions_of
from c2_nnpack.kernels import kernels
from c2_nnpack.layout import C16

ALGOS = winograd.ALGOS
KERNEL = (3, 3)
FILTERS = 4  # cycles for a point of 16 filters, to transform it
CACHE = 4 << 20  # bytes of transformed filters that no memory is needed for
CYCLES_PER_BYTE = 0.3  # of the others, to write or to read it
ERRORS = {m: bound for (m, r), bound in winograd.ERRORS.items() if (r, r) == KERNEL}


def ways(request: NativeRequest, one: Convolution, asked: bool) -> list[Way] | str:
    """F(m x m, 3 x 3) for each m that gains enough."""
    reason = unfit(one, asked)
    if reason:
        return reason
    limit = tiled.GAIN * direct.direct_cycles(one)
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
    filters = tiling.points * 16 * C * K
    return tiling.cycles(one) + filters * FILTERS + 2 * from_memory(filters)


def from_memory(vectors: int) -> float:
    """Cycles to write or to read so many vectors of 16 numbers, where they are too many for a cache."""
    return max(0, vectors * 64 - CACHE) * CYCLES_PER_BYTE


def _context(request: NativeRequest, one: Convolution, tiling: Tiling) -> Any:
    fields = tiled.fields(one, tiling, positions_of(request, one.fused))
    return kernels()[0].new("c2_winograd_changing *", {"tiled": fields, "C": one.C, "filters": 1})


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
