"""Handing a result over: into the buffer that the kernel was given, or as an array of its own."""

from __future__ import annotations

from typing import Any


def stored(xp: Any, value: Any, out: Any, shape: Any = None, dtype: Any = None) -> Any:
    """`out` filled with `value`, or where there is no `out` a fresh array; never a view of an input.

    Args:
        value: an array, broadcast to the result's shape.
        shape, dtype: of the fresh array, where they are not those of `value`.
    """
    if out is None:
        out = xp.empty(value.shape if shape is None else shape, dtype or value.dtype)
    if out is not value:
        out[...] = value
    return out
