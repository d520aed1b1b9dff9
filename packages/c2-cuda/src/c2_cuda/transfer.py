"""Copies between the host and a GPU, and between GPUs. Callers have entered the scope of the GPU."""

from __future__ import annotations

from typing import Any

import numpy as np

from c2_cuda.library import cupy

CHUNK = 8 << 20  # bytes: large enough to hide the start of a transfer, small enough to lock
HOST_TO_DEVICE = 1  # cudaMemcpyKind
PAGE_LOCKED = 1  # cudaMemoryType


def page_locked(shape: tuple[int, ...], dtype: Any) -> np.ndarray[Any, Any]:
    """An array in memory that the GPU reads by itself, with any content: the fastest source of a feed."""
    dtype = np.dtype(dtype)
    count = int(np.prod(shape, dtype=np.int64))
    if not count:
        return np.empty(shape, dtype)
    memory = cupy().cuda.alloc_pinned_memory(count * dtype.itemsize)
    return np.frombuffer(memory, dtype, count).reshape(shape)


def is_page_locked(array: np.ndarray[Any, Any]) -> bool:
    """Whether an array lies in such memory."""
    kind = cupy().cuda.runtime.pointerGetAttributes(array.ctypes.data).type
    return bool(kind == PAGE_LOCKED)


def from_host(target: Any, array: np.ndarray[Any, Any], stream: Any) -> None:
    """Copies an array of the host into one of the GPU that is contiguous; both are free when it returns."""
    source = np.asarray(array, target.dtype, order="C")
    if not source.nbytes:
        return
    if is_page_locked(source):
        _start(target.data.ptr, source.ctypes.data, source.nbytes, stream)
    else:
        _through_halves(target.data.ptr, source.reshape(-1).view(np.uint8), stream)
    stream.synchronize()  # before the pool lends the page-locked memory to somebody else


def _start(target: int, source: int, nbytes: int, stream: Any) -> None:
    runtime = cupy().cuda.runtime
    runtime.memcpyAsync(target, source, nbytes, HOST_TO_DEVICE, stream.ptr)


def _through_halves(target: int, source: np.ndarray[Any, Any], stream: Any) -> None:
    """Fills one half of page-locked memory while the GPU reads the other."""
    size = min(CHUNK, source.nbytes)
    halves = [page_locked((size,), np.uint8) for _ in range(1 if source.nbytes <= CHUNK else 2)]
    read: list[Any] = [None] * len(halves)
    for k, begin in enumerate(range(0, source.nbytes, size)):
        turn = k % len(halves)
        if read[turn] is not None:
            read[turn].synchronize()
        part = source[begin : begin + size]
        halves[turn][: part.nbytes] = part
        _start(target + begin, halves[turn].ctypes.data, part.nbytes, stream)
        read[turn] = stream.record()


def from_peer(target: Any, value: Any, here: Any, there: Any) -> None:
    """Copies an array of one GPU into a contiguous one of another, in the order of both streams.

    Args:
        here, there: the scopes of the target's and of the value's GPU.
    """
    with there as source_stream:
        source = cupy().ascontiguousarray(value)
        made = source_stream.record()
    with here as stream:
        stream.wait_event(made)
        cupy().cuda.runtime.memcpyPeerAsync(
            target.data.ptr, here.number, source.data.ptr, there.number, source.nbytes, stream.ptr
        )
        done = stream.record()
    with there as source_stream:
        source_stream.wait_event(
            done
        )  # what the value's GPU writes there next comes after the copy
