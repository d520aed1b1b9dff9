"""Kernels 3x3 of stride 1 with constant filters, by Winograd's method (Lavin & Gray, 2016)."""

from __future__ import annotations

from functools import partial
from typing import Any

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2_nnpack.algorithms import Way
from c2_nnpack.convolution import Convolution, positions_of
from c2_nnpack.kernels import kernels, vector_lanes
from c2_nnpack.layout import C16
from c2_nnpack.weights import packed_filters

ALGOS = ("WINOGRAD",)
# m of F(m x m, 3 x 3) -> bound of the error that is tested, relative to the largest output. The largest one found with
# up to 512 channels is a quarter to a half of it; a direct convolution in float32 has 7e-7.
ERRORS = {2: 3e-6, 4: 5e-5, 6: 1e-4}
AUTO = (2, 4, 6)
NEAR = 1 << 20  # bytes of weights that stay in a core's cache
SHARED = 4 << 20  # bytes of weights that stay in the cache of all cores until the net's next run
# Cycles for a byte of weights from memory: half of what reading takes, as it goes on meanwhile. Like all constants here
# measured on a Zen 4 core.
CYCLES_PER_BYTE = 1 / 8
TRANSFORM = 12  # cycles for a point of a tile, on the way there and back, per 16 channels
FEW = 16  # channels: with fewer, most of a block is padding
GAIN = 0.85  # of the direct convolution's time: what has to be reached


def ways(request: NativeRequest, one: Convolution, asked: bool) -> list[Way] | str:
    """F(m x m, 3 x 3) for each m that gains enough."""
    if one.group != 1:
        return "one group only"
    if one.kernel != (3, 3) or {*one.stride, *one.dilation} != {1}:
        return "kernel 3x3, stride 1 and dilation 1 only"
    tiles = worthwhile(one, asked)
    if isinstance(tiles, str):
        return tiles
    return [
        Way(f"WINOGRAD F({m}x{m}, 3x3)", winograd_cycles(one, m), partial(_kernel, request, one, m))
        for m in tiles
    ]


def worthwhile(one: Convolution, asked: bool = False) -> list[int] | str:
    """Each m whose F(m x m, 3 x 3) gains enough, or why none does; all of them where they are asked for."""
    if asked:
        return list(AUTO)
    if min(one.C, one.K) < FEW:
        return f"fewer than {FEW} channels"
    limit = GAIN * direct_cycles(one)
    gaining = [m for m in AUTO if winograd_cycles(one, m) <= limit]
    return gaining or "Winograd would not be faster than a direct convolution here"


def direct_cycles(one: Convolution) -> float:
    """Of a direct convolution at the peak of the CPU."""
    C, K = one.blocks
    height, width = one.outputs
    products = 9 * 16 * C * K * one.N * height * width
    return products + _reading(9 * C * K)


def winograd_cycles(one: Convolution, m: int) -> float:
    """Of the products, the transforms, and reading weights that no cache keeps."""
    C, K = one.blocks
    points, tiles = (m + 2) ** 2, _tiles(one, m)
    products = points * 16 * C * K * tiles
    transforms = points * (C + K) * tiles * TRANSFORM / 2
    return products + transforms + _reading(points * C * K)


def _reading(blocks: int) -> float:
    nbytes = blocks * 16 * 16 * 4
    return max(0, nbytes - SHARED) * CYCLES_PER_BYTE


def _tiles(one: Convolution, m: int) -> int:
    height, width = one.outputs
    return one.N * -(-height // m) * -(-width // m)


def tiles_at_a_time(one: Convolution, m: int) -> int:
    """Tiles that are transformed together: few, so that they stay near; more where weights come from memory.

    Groups of them are of nearly the same size, and as many for each thread.
    """
    C, K = one.blocks
    tiles, most = _tiles(one, m), 14 if (m + 2) ** 2 * C * K * 1024 <= NEAR else 56
    groups = -(-tiles // most)
    if groups > 1:
        groups = -(-groups // one.threads) * one.threads
    return -(-tiles // groups)


def _kernel(request: NativeRequest, one: Convolution, m: int) -> NativeKernel:
    ffi, lib = kernels()
    context = _context(request, one, m)
    packed = packed_filters(
        request.constants[1], ("WINOGRAD", m, context.lanes), lib.c2_winograd_weights(context),
        lambda source, target: lib.c2_pack_winograd(context, source, one.C, target),
    )  # fmt: skip
    context.weights = packed.address
    middle = [PLAIN] * (len(request.inputs) - 1)
    if one.fused.adds:
        middle[-1] = C16
    return NativeKernel(
        int(ffi.cast("uintptr_t", ffi.addressof(lib, "c2_run_winograd"))),
        int(ffi.cast("uintptr_t", context)),
        keep=(context, packed), scratch=lib.c2_winograd_scratch(context), packed=(1,),
        input_layouts=(C16, *middle), output_layouts=(C16,),
    )  # fmt: skip


def _context(request: NativeRequest, one: Convolution, m: int) -> Any:
    (H, W), (out_H, out_W), (top, left) = one.inputs, one.outputs, one.head
    C_blocks, K_blocks = one.blocks
    fields = {
        "N": one.N, "C_blocks": C_blocks, "K_blocks": K_blocks, "K": one.K, "H": H, "W": W,
        "out_H": out_H, "out_W": out_W, "top": top, "left": left, "tiles": tiles_at_a_time(one, m),
        "m": m, "lanes": vector_lanes(), "threads": one.threads,
        "low": one.fused.low, "high": one.fused.high, **positions_of(request, one.fused),
    }  # fmt: skip
    return kernels()[0].new("c2_winograd *", fields)
