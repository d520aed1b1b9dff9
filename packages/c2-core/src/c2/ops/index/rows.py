"""Indices into rows: kept inside of bounds, and values added up at them."""

from __future__ import annotations

from math import prod
from typing import Any

from c2.registry import require
from c2.serialize.budget import check_budget

_PLACE = 8  # bytes of a number that tells a place


def require_inside(indices: Any, size: int, name: str, lowest: int = 0) -> None:
    """Raises Mismatch where an index is not in [lowest, size). Kernels call it: only values tell."""
    if indices.size:
        low, high = int(indices.min()), int(indices.max())
        require(
            lowest <= low and high < size,
            f"{name} must be inside of the axis",
            f"{lowest} to {size - 1}",
            f"{low} to {high}",
        )


def empty_rows(xp: Any, n: int, like: Any) -> Any:
    """(n, ...) with rows like those of `like`, where only values tell n: within the memory budget, else refused."""
    shape = (n, *like.shape[1:])
    check_budget(prod(shape) * like.dtype.itemsize, lambda: f"a result {like.dtype} {shape}")
    return xp.empty(shape, like.dtype)


def segment_ids(xp: Any, lengths: Any, total: int) -> Any:
    """The segment of each of `total` elements; those behind all segments get the next."""
    check_budget(2 * _PLACE * total, lambda: f"the segment of each of {total} elements")
    return xp.searchsorted(xp.cumsum(lengths), xp.arange(total), side="right")


def segment_places(xp: Any, lengths: Any, total: int) -> tuple[Any, Any]:
    """The segment of each of `total` elements, and its place in it."""
    segment = segment_ids(xp, lengths, total)
    starts = xp.concatenate([xp.zeros(1, "int64"), xp.cumsum(lengths)])
    return segment, xp.arange(total) - starts[segment]


def add_at(xp: Any, target: Any, rows: Any, values: Any) -> None:
    """target[rows[k]] += values[k] for every k, also where rows repeat; target is contiguous."""
    width = target[0].size if len(target) else 0
    if not width or not rows.size:
        return
    places = rows.astype("int64")  # int32 would overflow in large tables
    if width > 1:
        places = places[:, None] * width + xp.arange(width)
    if values.dtype.name == "int64":  # GPUs add uint64 atomically, with the same bits
        target, values = target.view("uint64"), values.astype("int64").view("uint64")
    xp.add.at(target.reshape(-1), places.reshape(-1), values.reshape(-1))
