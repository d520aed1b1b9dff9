"""What is known of a blob before anything runs: its shape and dtype, and the classes of dtypes operators name."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

FLOAT = frozenset({"float16", "float32", "float64"})
SIGNED = frozenset({"int8", "int16", "int32", "int64"})
INT = SIGNED | {"uint8", "uint16"}
INDEX = frozenset({"int32", "int64"})
BOOL = frozenset({"bool"})
STRING = frozenset({"object"})
NUMBER = FLOAT | INT
PLAIN = NUMBER | BOOL
ANY = PLAIN | STRING


@dataclass(frozen=True)
class TensorSpec:
    """Shape and dtype of a blob; `value` holds its content where that is known (or `None`).

    Shape inference is called with specs of known shape. A spec it returns may have `shape=None`: the
    shape depends on values that only a run can tell.
    """

    shape: tuple[int, ...] | None
    dtype: np.dtype[Any]
    value: Any = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", np.dtype(self.dtype))

    @property
    def ndim(self) -> int:
        assert self.shape is not None
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        assert self.shape is not None
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the elements; a string tensor counts its pointers."""
        return self.size * self.dtype.itemsize

    def with_shape(self, shape: tuple[int, ...] | None) -> TensorSpec:
        return TensorSpec(shape, self.dtype)

    def with_dtype(self, dtype: Any) -> TensorSpec:
        return TensorSpec(self.shape, np.dtype(dtype))

    def __str__(self) -> str:
        return f"{self.dtype} {'(unknown shape)' if self.shape is None else self.shape}"


def spec_of(value: Any) -> TensorSpec | None:
    """The spec of an array of any device; `None` for a blob that is not a tensor."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return TensorSpec(tuple(value.shape), value.dtype, value)
    return None
