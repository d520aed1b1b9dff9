"""Filters, packed once and shared by all programs that have the same."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from c2_nnpack.kernels import aligned_floats, kernels


@dataclass(eq=False)
class Packed:
    """Packed filters, and what they were made from."""

    source: np.ndarray[Any, Any]
    array: np.ndarray[Any, Any]

    @property
    def address(self) -> Any:
        """As cffi's `float *`."""
        return kernels()[0].cast("float *", self.array.ctypes.data)


_known: WeakValueDictionary[tuple[int, Hashable], Packed] = WeakValueDictionary()
_lock = threading.Lock()


def packed_filters(
    source: np.ndarray[Any, Any], form: Hashable, floats: int, pack: Callable[[Any, Any], None]
) -> Packed:
    """Filters as a kernel reads them.

    Args:
        form: what tells this way to pack from all others.
        floats: how many the packed filters have.
        pack: called with two `float *`: the filters in C order, and where to.
    """
    key = (id(source), form)
    with _lock:
        known = _known.get(key)
        if known is not None and known.source is source:
            return known
        packed = _known[key] = Packed(source, aligned_floats(floats))
        plain = np.ascontiguousarray(source)
        pack(kernels()[0].cast("float *", plain.ctypes.data), packed.address)
        return packed
