"""What all lookups share: rules between indices and lengths, and sums of picked rows."""

from __future__ import annotations

from typing import Any

from c2.ops.index.rows import require_inside
from c2.ops.rules import equal, rank
from c2.ops.segment.add_up import add_up, as_columns
from c2.registry import Tensor, TensorSpec, require
from c2.registry.spec import INDEX

INDICES = Tensor("INDICES", "(K,): the row of DATA that each place picks", INDEX)
LENGTHS = Tensor(
    "LENGTHS", "(N,): how many places each segment has, one after the other", frozenset({"int32"})
)


def infer_lookup(INDICES: TensorSpec, LENGTHS: TensorSpec, row: Any, dtype: Any) -> TensorSpec:
    """N rows of the given shape."""
    rank("INDICES", INDICES, 1)
    rank("LENGTHS", LENGTHS, 1)
    return TensorSpec((LENGTHS.size, *row), dtype)


def require_weights(name: str, weights: TensorSpec, indices: TensorSpec, dtype: Any) -> None:
    """One weight per index, of the dtype in which rows are added."""
    rank(name, weights, 1)
    equal(f"{name} must have one element per index", indices.size, weights.size)
    require(weights.dtype == dtype, f"{name} must have the dtype of the sums", dtype, weights.dtype)


def require_lookup(INDICES: Any, LENGTHS: Any, size: int) -> None:
    """Raises Mismatch where lengths are not those of the indices, or an index is not one of a row."""
    if LENGTHS.size:
        low = int(LENGTHS.min())
        require(low >= 0, "LENGTHS must not be negative", "0 or more", low)
    equal("LENGTHS must add up to the number of indices", INDICES.size, int(LENGTHS.sum()))
    require_inside(INDICES, size, "INDICES")


def look_up(
    xp: Any,
    pick: Any,
    INDICES: Any,
    LENGTHS: Any,
    out: Any,
    weights: Any = None,
    positional: bool = False,
    mean: bool = False,
) -> Any:
    """out[n] = the sum of weight * row over the places of segment n, divided by their number for a mean.

    Args:
        pick: `pick(indices)` gives these rows of the table as a fresh array of the dtype of `out`.
        weights: one per place; or, if `positional`, one per number of a place in its segment.
    """

    def rows(places: Any, within: slice) -> Any:
        picked = pick(INDICES[places])
        if weights is not None:
            picked *= as_columns(weights[within] if positional else weights[places], picked)
        return picked

    add_up(xp, LENGTHS, rows, out)
    if mean:
        out /= as_columns(xp.maximum(LENGTHS, 1).astype(out.dtype), out)
    return out
