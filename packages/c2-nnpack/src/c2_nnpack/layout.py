"""Channels in blocks of 16, the layout of all kernels here, and the reorders between it and the plain one."""

from __future__ import annotations

from math import prod

from c2.compile.layout import PLAIN, Layout
from c2.compile.native import NativeKernel, NativeRequest
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


def why_no_blocks(request: NativeRequest, count: int = 1) -> str | None:
    """Why the first `count` inputs and the first output cannot be images in blocks of 16 channels."""
    ends = (*request.inputs[:count], request.outputs[0])
    if any(s.dtype != "float32" for s in ends):
        return "float32 only"
    if request.layouts is None:
        return "plain layouts only are asked for"
    if any(len(s.shape or ()) != 4 or s.size == 0 for s in ends):
        return "images (N, C, H, W) only"
    if (request.args.get("order") or "NCHW").upper() != "NCHW":
        return "images (N, C, H, W) only"
    return None


def kept_layout(request: NativeRequest, count: int = 1) -> Layout:
    """The one that all of the first `count` inputs come in, blocks or else the plain one."""
    blocks = request.layouts is not None and set(request.layouts[:count]) == {C16}
    return C16 if blocks and why_no_blocks(request, count) is None else PLAIN
