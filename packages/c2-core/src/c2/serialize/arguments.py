"""Python values as Argument messages, stored in the field of their type as Caffe2 does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from google.protobuf.message import Message

from c2.errors import SchemaError
from c2.proto import Argument, NetDef, TensorProto

SINGLE_FIELDS = ("f", "i", "s", "t", "n")
LIST_FIELDS = ("floats", "ints", "strings", "tensors", "nets", "qtensors")


def make_argument(name: str, value: Any) -> Any:
    """An Argument: ints and bools in `i`, floats in `f`, strings in `s`, NetDefs in `n`, lists and arrays in the lists."""
    argument = Argument(name=name)
    if isinstance(value, np.ndarray):
        value = value.ravel().tolist()
    elif isinstance(value, np.generic):
        value = value.item()
    value = getattr(value, "proto", value)
    try:
        if isinstance(value, (list, tuple)):
            field = _list_field(name, value)
            getattr(argument, field).extend(
                [v.encode() if isinstance(v, str) else v for v in value]
            )
        else:
            _set_single(argument, value)
    except (ValueError, TypeError) as error:
        raise SchemaError(f"argument '{name}' cannot hold {value!r}: {error}") from None
    return argument


def _set_single(argument: Any, value: Any) -> None:
    if isinstance(value, (bool, int)):
        argument.i = int(value)
    elif isinstance(value, float):
        argument.f = value
    elif isinstance(value, (str, bytes)):
        argument.s = value.encode() if isinstance(value, str) else value
    elif isinstance(value, NetDef):
        argument.n.CopyFrom(value)
    elif isinstance(value, TensorProto):
        argument.t.CopyFrom(value)
    elif isinstance(value, Message):
        argument.s = value.SerializeToString()
    else:
        raise TypeError(
            f"a {type(value).__name__} has no field; use a number, string, list, array or message"
        )


def _list_field(name: str, values: Sequence[Any]) -> str:
    kinds = (
        ("ints", (bool, int)), ("floats", (float, int)), ("strings", (str, bytes)), ("nets", NetDef),
        ("tensors", TensorProto),
    )  # fmt: skip
    if not values:
        return "floats"
    for field, kind in kinds:
        if all(isinstance(v, kind) for v in values):
            return field
    raise SchemaError(f"argument '{name}': a list must hold values of one kind, got {values!r}")
