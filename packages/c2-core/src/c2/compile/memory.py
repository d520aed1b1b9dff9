"""Memory for native kernels: addresses of arrays, and bytes that start on a cache line."""

from __future__ import annotations

from typing import Any

import numpy as np

ALIGNMENT = 64  # bytes: a cache line, and the widest vector registers


def address(array: np.ndarray[Any, Any]) -> int:
    """Where an array's elements are; they must follow one another."""
    assert array.flags.c_contiguous, (
        "a native kernel is given an address: elements must follow one another"
    )
    return int(array.__array_interface__["data"][0])


def cache_aligned(nbytes: int) -> np.ndarray[Any, Any]:
    """Uninitialised bytes that start on a cache line."""
    raw = np.empty(nbytes + ALIGNMENT, np.uint8)
    start = -address(raw) % ALIGNMENT
    return raw[start : start + nbytes]
