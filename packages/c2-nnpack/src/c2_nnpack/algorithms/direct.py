"""Any kernel, stride, dilation and pads with constant filters, by the definition.

Channels come in blocks of 16, or where they are fewer also as they are: the first layer of a net reads images in C
order. What a chunk of outputs reads is copied first where there are pads or strides, so that all else runs along rows
without a border; the copy stays near, and is read for every output channel.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2_nnpack.algorithms import Way
from c2_nnpack.chunks import axes, chunk_of, in_place, is_joined, sources_of
from c2_nnpack.convolution import Convolution, positions_of
from c2_nnpack.kernels import kernels, vector_lanes
from c2_nnpack.layout import BLOCK, C16, blocks_of
from c2_nnpack.weights import packed_filters

ALGOS = ("DIRECT", "1x1")
PASS = 128  # pairs of a block of channels and a tap that are summed at a time: 256 KiB of a panel's weights
SHARED = 4 << 20  # bytes of weights that stay in the cache of all cores until the net's next run
# Cycles for a byte of weights from memory: half of what reading takes, as it goes on meanwhile.
CYCLES_PER_BYTE = 1 / 8


def ways(request: NativeRequest, one: Convolution, asked: bool) -> list[Way] | str:
    """The one way, or why there is none."""
    if request.args["algo"] == "1x1" and one.kernel != (1, 1):
        return "algo 1x1 is asked for, and the kernel is another"
    if one.group > 1 and (one.C // one.group % BLOCK or one.K // one.group % BLOCK):
        return f"groups of channels that are no multiples of {BLOCK}"
    plain = one.C < BLOCK and request.layouts is not None and request.layouts[0] == PLAIN
    label = "1x1" if one.kernel == (1, 1) else "DIRECT"
    return [Way(label, direct_cycles(one), partial(_kernel, request, one, 1 if plain else BLOCK))]


def direct_cycles(one: Convolution) -> float:
    """Of the products at the peak of the CPU, and reading weights that no cache keeps."""
    height, width = one.outputs
    terms = one.C // one.group * math.prod(one.kernel)
    products = terms * one.blocks[1] * one.N * height * width
    return products + reading(terms * one.blocks[1] / BLOCK)


def reading(blocks: float, weight: int = 4) -> float:
    """Cycles for that many blocks of 16 x 16 weights, of so many bytes each."""
    nbytes = blocks * BLOCK * BLOCK * weight
    return max(0, nbytes - SHARED) * CYCLES_PER_BYTE


def _kernel(request: NativeRequest, one: Convolution, depth: int) -> NativeKernel:
    ffi, lib = kernels()
    context, sources = _context(request, one, depth)
    C, columns = one.C // one.group, one.kernel[1]
    packed = packed_filters(
        request.constants[1], ("DIRECT", context.lanes, depth, one.group), lib.c2_direct_weights(context),
        lambda source, target: lib.c2_pack_direct(context, source, C, columns, target),
    )  # fmt: skip
    context.weights = packed.address
    middle = [PLAIN] * (len(request.inputs) - 1)
    if one.fused.adds:
        middle[-1] = C16
    return NativeKernel(
        int(ffi.cast("uintptr_t", ffi.addressof(lib, "c2_run_direct"))),
        int(ffi.cast("uintptr_t", context)),
        keep=(context, packed, sources), scratch=lib.c2_direct_scratch(context), packed=(1,),
        input_layouts=(PLAIN if depth == 1 else C16, *middle), output_layouts=(C16,), yields=_yields(one),
    )  # fmt: skip


def _yields(one: Convolution) -> bool:
    """Where oneDNN measured faster with AVX-512, by up to a seventh: windows of images that are copied first."""
    return not in_place(one) and vector_lanes() == 16


def _context(request: NativeRequest, one: Convolution, depth: int) -> tuple[Any, Any]:
    """The context of a call, and the sources that it reads."""
    blocks, lanes = blocks_of(one.K // one.group), vector_lanes()
    panels = one.group * -(-blocks * BLOCK // (2 * lanes))
    chunk, gathers = chunk_of(one, depth, panels), not in_place(one)
    (H, W), (out_H, out_W) = one.inputs, one.outputs
    if is_joined(one):
        H, W, out_H, out_W = 1, H * W, 1, out_H * out_W
    down, across = axes(one, chunk)
    rows, columns = (down.taken, across.taken) if gathers else (H, W)
    row = across.phases * columns * depth
    plane, planes = down.phases * rows * row, one.group * -(-one.C // one.group // depth)
    taps = [
        axis.place(np.arange(axis.kernel), taken) * size
        for axis, taken, size in ((down, rows, row), (across, columns, depth))
    ]
    sources = sources_of(one, depth, plane, *taps)
    count, fused = len(sources) - 1, one.fused
    ffi, _ = kernels()
    fields = {
        "N": one.N, "K": one.K, "H": H, "W": W, "out_H": out_H, "out_W": out_W, "top": one.head[0],
        "left": one.head[1], "stride_h": one.stride[0], "stride_w": one.stride[1], "planes": planes, "depth": depth,
        "images": chunk.images, "rows": chunk.rows, "columns": chunk.columns, "phases_h": down.phases,
        "phases_w": across.phases, "taken_h": rows, "taken_w": columns, "plane_size": plane, "row_size": row,
        "image_size": planes * plane, "group_size": planes // one.group * plane, "group": one.group,
        "blocks": blocks, "sources": count, "window": one.kernel[0],
        "pass": -(-count // -(-count // PASS)) if depth > 1 else count, "dilation": one.dilation[0],
        "gathers": gathers, "bounds": 2 if fused.high < math.inf else int(fused.low > -math.inf),
        "lanes": lanes, "threads": one.threads, "low": fused.low, "high": fused.high,
        "source": ffi.cast("c2_source *", sources.ctypes.data), **positions_of(request, fused),
    }  # fmt: skip
    return ffi.new("c2_direct *", fields), sources
