"""Updates of the rows that indices name, and of those alone: what sparse optimizers share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from c2.ops.rules import equal, one_element, same_dtype, same_size
from c2.registry import Tensor, TensorSpec, require
from c2.registry.spec import FLOAT, INDEX

TABLE = Tensor("param", "(N, ...), rows are updated", FLOAT)
INDICES = Tensor(
    "indices",
    "rows to update, any shape; gradients of a row named twice act in turn",
    INDEX,
)
GRAD_ROWS = Tensor("grad", "shape of indices, then that of a row of param; dtype of param", FLOAT)


def check_rows(
    param: TensorSpec,
    indices: TensorSpec,
    grad: TensorSpec,
    lr: TensorSpec | None,
    **moments: TensorSpec,
) -> None:
    """Rules of a sparse update; `moments` are as large as param."""
    require(param.ndim >= 1, "param must have one axis or more", "1 or more", 0)
    same_dtype(param=param, grad=grad, lr=lr, **moments)
    same_size(param=param, **moments)
    one_element(lr=lr)
    assert param.shape is not None
    assert indices.shape is not None
    if indices.size:
        equal(
            "grad must have a row of param for each index",
            indices.size * _width(param.shape),
            grad.size,
        )


def check_per_row(param: TensorSpec, **per_row: TensorSpec) -> None:
    """Rules of inputs with one element per row of param."""
    assert param.shape is not None
    for name, spec in per_row.items():
        equal(f"{name} must have one element per row of param", param.shape[0], spec.size)


def _width(shape: tuple[int, ...]) -> int:
    width = 1
    for d in shape[1:]:
        width *= d
    return width


def update_rows(
    xp: Any,
    indices: Any,
    tables: Sequence[Any],
    per_index: Sequence[Any],
    step: Callable[..., None],
) -> None:
    """Runs `step(*rows of each table, *per_index)` on the named rows and writes the rows back.

    `step` changes rows (n, D) of the tables in place. Where an index occurs k times, its row is updated k times, by
    `per_index` (arrays with one row per index) in order, as Caffe2's loop over indices does.

    Args:
        indices: any shape.
        tables: arrays of N rows, changed in place.
    """
    rows_of = indices.reshape(-1)
    if not rows_of.size:
        return
    matrices = [t.reshape(len(t), -1) for t in tables]
    per_index = [p.reshape(rows_of.size, -1) for p in per_index]
    check_indices(rows_of, len(matrices[0]))
    for places in _rounds(xp, rows_of):
        rows = rows_of[places]
        taken = [m[rows] for m in matrices]
        step(*taken, *(p[places] for p in per_index))
        for matrix, changed in zip(matrices, taken):
            matrix[rows] = changed


def check_indices(indices: Any, rows: int) -> None:
    """Raises Mismatch where an index is not that of a row."""
    low, high = int(indices.min()), int(indices.max())
    inside = low >= 0 and high < rows
    require(inside, "indices must be rows of param", f"0 to {rows - 1}", f"{low} to {high}")


def _rounds(xp: Any, indices: Any) -> Iterator[Any]:
    """Places in `indices` (n,), such that no index occurs twice in a round: first occurrences, then second ones, ..."""
    order = xp.argsort(indices, kind="stable")
    ordered = indices[order]
    repeats = ordered[1:] == ordered[:-1]
    if not bool(repeats.any()):
        yield slice(None)
        return
    begins = xp.concatenate([xp.ones(1, bool), ~repeats])
    group = xp.cumsum(begins) - 1
    occurrence = xp.arange(ordered.size) - xp.flatnonzero(begins)[group]
    for k in range(int(occurrence.max()) + 1):
        yield order[occurrence == k]
