"""Host memory of blobs: large arrays begin on a cache line, so that rows of a table fill as few lines as they can."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

LINE = 64  # bytes
SMALL = 4096  # bytes: below, NumPy's own memory is as good


class Lines(np.ndarray[Any, Any]):
    """Bytes under one array alone, which counts as their owner."""


def empty_array(shape: tuple[int, ...], dtype: Any) -> np.ndarray[Any, Any]:
    """An array with any content."""
    dtype = np.dtype(dtype)
    nbytes = prod(shape) * dtype.itemsize
    if nbytes < SMALL or dtype.hasobject:
        return np.empty(shape, dtype)
    raw = Lines(nbytes + LINE, np.uint8)
    array: np.ndarray[Any, Any] = np.ndarray(shape, dtype, raw, -raw.ctypes.data % LINE)
    return array


def copied_array(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A copy in C order."""
    copy = empty_array(array.shape, array.dtype)
    np.copyto(copy, array)
    return copy


def has_own_memory(array: Any) -> bool:
    """Whether nobody else's array looks at the same memory through its owner."""
    base = getattr(array, "base", None)
    return base is None or isinstance(base, Lines)
