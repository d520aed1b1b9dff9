"""Indices into rows: kept inside of bounds, and values added up at them."""

from __future__ import annotations

from typing import Any

from c2.registry import require


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


def segment_places(xp: Any, lengths: Any, total: int) -> tuple[Any, Any]:
    """For each of `total` elements its segment, and its place in it; an element beyond all segments gets the next."""
    every = xp.arange(total)
    ends = xp.cumsum(lengths)
    segment = xp.searchsorted(ends, every, side="right")
    starts = xp.concatenate([xp.zeros(1, ends.dtype), ends])
    return segment, every - starts[segment]


def add_at(xp: Any, target: Any, rows: Any, values: Any) -> None:
    """target[rows[k]] += values[k] for every k, also where rows repeat; target is contiguous."""
    width = target[0].size if len(target) else 0
    if not width or not rows.size:
        return
    places = rows.astype("int64")  # int32 would overflow in large tables
    if width > 1:
        places = places[:, None] * width + xp.arange(width)
    xp.add.at(target.reshape(-1), places.reshape(-1), values.reshape(-1))
