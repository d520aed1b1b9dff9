"""Sums, means and maxima of rows that belong together, and handing gradients back to the rows."""

from __future__ import annotations

from typing import Any

from c2.ops.index.rows import add_at, empty_rows, segment_ids
from c2.ops.rules import equal
from c2.registry import Tensor, require
from c2.registry.spec import FLOAT

NARROW = frozenset({"int32"})
DATA = Tensor("DATA", "(K, ...): rows", FLOAT)
LENGTHS = Tensor("LENGTHS", "(N,): how many rows each segment has, one after the other", NARROW)
SEGMENT_IDS = Tensor("SEGMENT_IDS", "(K,): the segment of each row", NARROW)


def segments_of_lengths(xp: Any, lengths: Any, rows: int) -> Any:
    """The segment of each row; raises Mismatch where lengths are not those of so many rows."""
    if lengths.size:
        low = int(lengths.min())
        require(low >= 0, "LENGTHS must not be negative", "0 or more", low)
    equal("LENGTHS must add up to the number of rows", rows, int(lengths.sum()))
    return segment_ids(xp, lengths, rows)


def segment_sum(xp: Any, data: Any, ids: Any, n: int, out: Any) -> Any:
    """(n, ...): the sum of the rows of each segment, 0 where there is none."""
    if out is None:
        out = empty_rows(xp, n, data)
    out[...] = data.dtype.type(0)
    add_at(xp, out, ids, data)
    return out


def segment_max(xp: Any, data: Any, ids: Any, n: int, out: Any) -> Any:
    """(n, ...): the maximum of the rows of each segment, 0 where there is none."""
    if out is None:
        out = empty_rows(xp, n, data)
    out[...] = data.dtype.type(0)
    if data.size:
        width = data[0].size
        out[ids] = data.dtype.type(-float("inf"))
        places = ids.astype("int64")[:, None] * width + xp.arange(width)
        # GPUs have no atomic maximum of float16
        work = out.astype("float32") if out.dtype.itemsize == 2 else out
        values = data.astype(work.dtype, copy=False)
        xp.maximum.at(work.reshape(-1), places.reshape(-1), values.reshape(-1))
        if work is not out:
            out[...] = work
    return out


def counts(xp: Any, ids: Any, n: int, like: Any) -> Any:
    """How many rows each segment has, at least 1, as a column that divides rows of `like`."""
    number = xp.maximum(xp.bincount(ids, minlength=n), 1) if ids.size else xp.ones(n, "int64")
    return as_column(number, like)


def as_column(numbers: Any, like: Any) -> Any:
    """(n,) as (n, 1, ...) of the dtype and number of axes of `like`."""
    return numbers.astype(like.dtype).reshape(-1, *(1,) * (like.ndim - 1))
