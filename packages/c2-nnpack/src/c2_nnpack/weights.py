"""Filters, packed once and shared by all programs that have the same."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary, ref

import numpy as np

from c2_nnpack.kernels import aligned_floats, kernels


@dataclass(eq=False)
class Packed:
    """Packed filters, and the array whose memory they were made from; what float16 is to be multiplied by."""

    source: ref[np.ndarray[Any, Any]]
    array: np.ndarray[Any, Any]
    scales: np.ndarray[Any, Any] | None = None

    @property
    def address(self) -> Any:
        """As cffi's `float *`."""
        return _pointer(self.array)


Stored = tuple["np.ndarray[Any, Any]", "np.ndarray[Any, Any] | None"]
_known: WeakValueDictionary[tuple[Hashable, ...], Packed] = WeakValueDictionary()
_lock = threading.Lock()


def packed_filters(
    source: np.ndarray[Any, Any],
    form: Hashable,
    floats: int,
    pack: Callable[[Any, Any], None],
    store: Callable[[np.ndarray[Any, Any]], Stored] | None = None,
) -> Packed:
    """Filters as a kernel reads them.

    Args:
        form: what tells this way to pack from all others.
        floats: how many the packed filters have.
        pack: called with two `float *`: the filters in C order, and where to.
        store: makes what is kept of the packed filters; None: they themselves.
    """
    owner = _owner(source)
    key = (id(owner), source.ctypes.data, source.shape, source.strides, form)
    with _lock:
        known = _known.get(key)
        if known is not None and known.source() is owner:
            return known
        made, plain = aligned_floats(floats), np.ascontiguousarray(source)
        pack(_pointer(plain), _pointer(made))
        stored = store(made) if store else (made, None)
        packed = _known[key] = Packed(ref(owner), *stored)
        return packed


def _owner(source: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array that a view, which may live shorter, is one of."""
    return _owner(source.base) if isinstance(source.base, np.ndarray) else source


def packed_bytes() -> int:
    """Of all packed filters in use."""
    with _lock:
        return sum(
            p.array.nbytes + (0 if p.scales is None else p.scales.nbytes) for p in _known.values()
        )


def in_halves(made: np.ndarray[Any, Any], points: int, outputs: int, panel: int) -> Stored:
    """Packed filters as float16, and the powers of two by which each output of a point was divided.

    Args:
        made: float32, [point][panel of outputs][input][output of the panel]; the last panel may be narrower.

    Returns:
        float16 in the same order, and float32 (points, outputs). An output with a NaN or an infinity has a NaN here.
    """
    rows = made.reshape(points, -1)
    halves = aligned_floats(-(-made.size // 2)).view(np.float16)[: made.size]
    scales = np.empty((points, outputs), np.float32)
    inputs, whole = rows.shape[1] // outputs, outputs // panel * panel
    for row, half, scale in zip(rows, halves.reshape(points, -1), scales):
        for first, last, width in ((0, whole, panel), (whole, outputs, outputs - whole)):
            if first == last:
                continue
            part = slice(first * inputs, last * inputs)
            filters = row[part].reshape(-1, inputs, width)
            largest = np.abs(filters).max(axis=1)
            below = np.ldexp(np.float32(1), np.maximum(np.frexp(largest)[1] - 15, -126))
            with np.errstate(invalid="ignore"):
                half[part] = (filters / below[:, None]).ravel()
            scale[first:last] = np.where(np.isfinite(largest), below, np.nan).ravel()
    return halves, scales


def _pointer(array: np.ndarray[Any, Any]) -> Any:
    return kernels()[0].cast("float *", array.ctypes.data)
