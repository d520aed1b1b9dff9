"""Inputs that cases of optimizers share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

SHAPES: list[tuple[int, ...]] = [(), (3,), (2, 3), (0,)]


def vectors(rng: np.random.Generator, shape: tuple[int, ...], count: int) -> list[Any]:
    """Arrays of any sign."""
    return [np.asarray(rng.standard_normal(shape)) for _ in range(count)]


def squares(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """An array above 0."""
    return np.asarray(rng.uniform(0.1, 1, shape))


def by_element(step: Callable[..., tuple[float, ...]], *arrays: Any) -> list[Any]:
    """`step` on Python floats, element by element: one array per number it returns, shaped like the first array."""
    shape = arrays[0].shape
    columns = [a.ravel().tolist() for a in arrays]
    found = [step(*numbers) for numbers in zip(*columns)]
    if not found:
        return [np.zeros(shape)] * len(step(*(1.0 for _ in arrays)))
    return [np.array(c).reshape(shape) for c in zip(*found)]


def tables(rng: np.random.Generator) -> Iterator[tuple[Any, Any, Any]]:
    """(param, indices, grad): rows of several shapes, indices of both types, repeated and none."""
    for shape, rows in [
        ((5, 3), [4, 0, 2]),
        ((5, 2, 2), [1, 1, 3, 1]),
        ((4,), [2, 0]),
        ((4, 1), [[0, 1], [1, 3]]),
    ]:
        indices = np.array(rows, np.int32 if len(shape) == 1 else np.int64)
        yield rng.standard_normal(shape), indices, rng.standard_normal(indices.shape + shape[1:])
    yield rng.standard_normal((3, 2)), np.zeros(0, np.int64), np.zeros((0, 2))


def row_by_row(indices: Any, grad: Any, width: tuple[int, ...]) -> Iterator[tuple[int, Any]]:
    """Each index with its gradient, in order."""
    yield from zip(indices.ravel().tolist(), grad.reshape(indices.size, *width))
