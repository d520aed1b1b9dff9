"""The dtype that an argument asks for, and whether values stand in the field that Caffe2 reads for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from c2.errors import FormatError
from c2.proto import DATA_TYPES
from c2.registry import require
from c2.serialize.tensors import numpy_dtype


def asked_dtype(
    dtype: int | bytes | None, default: str, refused: tuple[str, ...] = ()
) -> np.dtype[Any]:
    """The dtype of a TensorProto.DataType, given by number or by name."""
    if dtype is None:
        return np.dtype(default)
    number = DATA_TYPES.get(dtype.decode().upper(), -1) if isinstance(dtype, bytes) else dtype
    try:
        found = numpy_dtype(number)
    except FormatError as error:
        require(False, f"dtype must be that of an array: {error}", "a TensorProto.DataType", dtype)
    require(
        str(found) not in refused,
        "dtype cannot be made here",
        f"none of {', '.join(refused)}",
        found,
    )
    return found


def holds(dtype: np.dtype[Any], values: Any) -> bool:
    """Whether values that stood in an argument are of the kind that Caffe2 reads for a dtype."""
    if isinstance(values, np.ndarray):
        return (values.dtype.kind == "f") == (dtype.kind == "f")
    kind = {"f": float, "O": bytes}.get(dtype.kind, int)
    return all(isinstance(v, kind) for v in values)


def in_range(dtype: np.dtype[Any], value: Any) -> bool:
    """Whether an integer dtype can hold a number."""
    if dtype.kind not in "iu":
        return True
    limits = np.iinfo(dtype)
    return bool(limits.min <= value <= limits.max)
