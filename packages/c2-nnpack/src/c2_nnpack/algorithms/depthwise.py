"""Convolutions in which an output channel is made of one input channel, by the definition."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2_nnpack.algorithms import Way
from c2_nnpack.convolution import Convolution, positions_of
from c2_nnpack.kernels import kernels, vector_lanes
from c2_nnpack.layout import BLOCK, C16
from c2_nnpack.weights import packed_filters

ALGOS = ("DIRECT",)
OVERHEAD = 4  # cycles for an output beyond its products
NEAR = ((3, 3), (5, 5))  # kernels whose taps stay in registers


def ways(request: NativeRequest, one: Convolution, asked: bool) -> list[Way] | str:
    """The one way, for any kernel, stride, dilation and pads."""
    if one.group != one.C or one.K % one.C:
        return "as many groups as input channels only"
    kernel = "x".join(map(str, one.kernel))
    return [Way(f"DEPTHWISE {kernel}", depthwise_cycles(one), partial(_kernel, request, one))]


def depthwise_cycles(one: Convolution) -> float:
    """Of the products, and of what an output takes besides."""
    outputs = one.N * one.blocks[1] * prod(one.outputs)
    return outputs * (prod(one.kernel) * (1 if one.kernel in NEAR else 1.5) + OVERHEAD)


def _kernel(request: NativeRequest, one: Convolution) -> NativeKernel:
    ffi, lib = kernels()
    context = _context(request, one)
    packed = packed_filters(
        request.constants[1], ("DEPTHWISE",), one.blocks[1] * prod(one.kernel) * BLOCK,
        lambda source, target: lib.c2_pack_depthwise(context, source, target),
    )  # fmt: skip
    context.weights = packed.address
    middle = [PLAIN] * (len(request.inputs) - 1)
    if one.fused.adds:
        middle[-1] = C16
    scratch = lib.c2_depthwise_scratch(context)
    if not scratch:
        context.scratch = -1
    return NativeKernel(
        int(ffi.cast("uintptr_t", ffi.addressof(lib, "c2_run_depthwise"))),
        int(ffi.cast("uintptr_t", context)),
        keep=(context, packed), scratch=scratch, packed=(1,),
        input_layouts=(C16, *middle), output_layouts=(C16,),
    )  # fmt: skip


def _context(request: NativeRequest, one: Convolution) -> Any:
    C_blocks, K_blocks = one.blocks
    window = {
        "N": one.N, "blocks": K_blocks, "inputs": one.inputs, "outputs": one.outputs, "kernel": one.kernel,
        "stride": one.stride, "dilation": one.dilation, "head": one.head,
    }  # fmt: skip
    fields = {
        "window": window, "X_blocks": C_blocks, "K": one.K, "multiplier": one.K // one.C,
        "lanes": vector_lanes(), "threads": one.threads,
        "low": one.fused.low, "high": one.fused.high, **positions_of(request, one.fused),
    }  # fmt: skip
    return kernels()[0].new("c2_depthwise *", fields)
