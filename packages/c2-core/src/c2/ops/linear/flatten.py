"""Tensors seen as matrices: the axes before `axis` become rows, those from `axis` on become columns."""

from __future__ import annotations

from math import prod

Shape = tuple[int, ...]


def as_matrix(shape: Shape, axis: int) -> tuple[int, int]:
    """(rows, columns) of a tensor flattened at an axis that has been checked; negative ones count from the end."""
    axis = axis % len(shape) if shape else 0
    return prod(shape[:axis]), prod(shape[axis:])


def as_rows(shape: Shape) -> tuple[int, int]:
    """(N, D) of a batch: a tensor flattened at axis 1; one number is one row of one element."""
    return as_matrix(shape, 1) if len(shape) > 1 else (shape[0], 1) if shape else (1, 1)
