"""Sums of the rows of segments, without a copy of all rows: what lookups in large tables need."""

from __future__ import annotations

from typing import Any

SCRATCH = 1 << 16  # numbers in one temporary: a quarter of a megabyte stays in the cache
FEW = 8  # from so few segments on, whole runs of rows are added instead of one row of each


def add_up(xp: Any, lengths: Any, rows: Any, out: Any) -> Any:
    """out[n] = the sum of the rows of segment n, in their order; 0 where there are none.

    The segments are added side by side: the first rows of all of them, then the second rows of those that have two,
    and so on. A temporary holds one row per segment.

    Args:
        lengths: (N,) rows of each segment; they lie one after the other.
        rows: `rows(places, within)` gives the rows at these places, as a fresh array or not. `within` is a slice: the
            numbers of these rows in their segments.
        out: (N, ...).
    """
    width = 1
    for size in out.shape[1:]:
        width *= size
    step = max(SCRATCH // max(width, 1), FEW)
    starts = xp.cumsum(lengths) - lengths
    for first in range(0, out.shape[0], step):
        part = slice(first, first + step)
        out[part] = _side_by_side(xp, starts[part], lengths[part], rows, out[part], step)
    return out


def add_up_at(xp: Any, ids: Any, n: int, rows: Any, out: Any) -> Any:
    """out[i] = the sum of the rows k with ids[k] = i; `rows(places)` gives the rows at these places."""
    order = xp.argsort(ids, kind="stable")
    lengths = xp.bincount(ids, minlength=n) if ids.size else xp.zeros(n, "int64")
    return add_up(xp, lengths, lambda places, within: rows(order[places]), out)


def _side_by_side(xp: Any, starts: Any, lengths: Any, rows: Any, like: Any, step: int) -> Any:
    """The sums of some segments, longest first, so that those that have a j-th row stand in front."""
    order = xp.argsort(-lengths, kind="stable")
    starts, lengths = starts[order], lengths[order]
    total = xp.zeros(like.shape, like.dtype)
    common = int(lengths[FEW]) if lengths.size > FEW else 0
    for j in range(common):
        have = int(xp.searchsorted(-lengths, -j))
        total[:have] += rows(starts[:have] + j, slice(j, j + 1))
    for n in range(min(FEW, lengths.size)):
        start, length = int(starts[n]), int(lengths[n])
        for j in range(common, length, step):
            end = min(j + step, length)
            total[n] += rows(xp.arange(start + j, start + end), slice(j, end)).sum(0)
    summed = xp.empty(like.shape, like.dtype)
    summed[order] = total
    return summed


def as_columns(numbers: Any, like: Any) -> Any:
    """(n,) as (n, 1, ...), to scale rows of `like`."""
    return numbers.reshape(-1, *(1,) * (like.ndim - 1))
