"""Channels in blocks of 16, the layout of all kernels here, and the reorders between it and the plain one."""

from __future__ import annotations

from math import prod

from c2.compile.layout import PLAIN, Layout
from c2.compile.native import NativeKernel
from c2.registry import TensorSpec
from c2_nnpack.kernels import kernels

BLOCK = 16


def blocks_of(channels: int) -> int:
    return -(-channels // BLOCK)


def _nbytes(spec: TensorSpec) -> int:
    assert spec.shape is not None
    N, C, *sizes = spec.shape
    return N * blocks_of(C) * BLOCK * prod(sizes) * spec.dtype.itemsize


def _reorder(spec: TensorSpec, source: Layout, target: Layout, threads: int) -> NativeKernel | str:
    if spec.dtype != "float32" or {source, target} != {PLAIN, C16} or spec.size == 0:
        return f"no reorder of {spec.dtype} from {source.name} to {target.name}"
    assert spec.shape is not None
    ffi, lib = kernels()
    N, C, *sizes = spec.shape
    context = ffi.new("c2_reorder *", (N, C, prod(sizes), target == PLAIN, threads))
    address = int(ffi.cast("uintptr_t", ffi.addressof(lib, "c2_run_reorder")))
    return NativeKernel(
        address, int(ffi.cast("uintptr_t", context)), keep=context,
        input_layouts=(source,), output_layouts=(target,),
    )  # fmt: skip


# (N, C / 16, ..., 16), the last block filled up with zeros; other back ends that know this name keep blobs alike.
C16 = Layout("c16", _nbytes, _reorder)
