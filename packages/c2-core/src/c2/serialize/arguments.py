"""Argument messages from Python values and back, by Caffe2's rules.

==================================  =========================================
Python value                        field
==================================  =========================================
int, bool                           i
float                               f
str (as UTF-8), bytes               s
NetDef                              n
another message                     s, serialized
list of one of these kinds          ints, floats, strings, nets, strings
NumPy scalar, NumPy array           as their Python values; arrays are lists
empty list                          none: no field is set
==================================  =========================================
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Set
from typing import Any

import numpy as np
from google.protobuf.message import Message

from c2.errors import FormatError, SchemaError
from c2.proto import Argument
from c2.serialize.bulk import append_numbers

_LISTS = {"floats", "ints", "strings", "tensors", "nets", "qtensors"}
_NET = "caffe2.NetDef"
_INT64 = range(-(1 << 63), 1 << 63)


def make_argument(name: str, value: Any) -> Argument:
    """An Argument that holds `value`, in the field Caffe2 would choose.

    >>> make_argument("kernel", 3).i
    3
    >>> list(make_argument("scale", [0.5, 2.0]).floats)
    [0.5, 2.0]

    Raises:
        SchemaError: a kind Caffe2 has no field for (None, dict, a list of ints and floats, ...), or a
            number outside of int64 or float32.
    """
    argument = Argument(name=name)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        _set_array(argument, value)
    elif isinstance(value, int):
        argument.i = _int64(name, value)
    elif isinstance(value, float):
        argument.f = _float32(name, value)
    elif isinstance(value, str | bytes):
        argument.s = _bytes(value)
    elif _is_net(value):
        argument.n.SetInParent()  # an empty net is a net too
        argument.n.MergeFromString(value.SerializePartialToString())
    elif isinstance(value, Message):
        argument.s = value.SerializeToString()
    elif isinstance(value, Iterable) and not isinstance(value, Mapping | Set):
        _set_list(argument, list(value))
    else:
        raise SchemaError(_no_field(name, value))
    return argument


def argument_fields(argument: Argument) -> dict[str, Any]:
    """The fields that are set, without the name: one in what Caffe2 writes. Lists are Python lists."""
    return {
        field.name: list(value) if field.name in _LISTS else value
        for field, value in argument.ListFields()
        if field.name != "name"
    }


def argument_field(argument: Argument) -> tuple[str, Any]:
    """Which field is set, and its value; ("floats", []) where none is, as for an empty list.

    >>> argument_field(make_argument("order", "NCHW"))
    ('s', b'NCHW')

    Raises:
        FormatError: more than one field is set, so that the value depends on who reads it.
    """
    fields = argument_fields(argument)
    if len(fields) > 1:
        raise FormatError(
            f"argument '{argument.name}' is ambiguous: expected one field, got {', '.join(fields)}; "
            "write the argument again, or read it with argument_fields"
        )
    for field, value in fields.items():
        return field, value
    return "floats", []


def argument_value(argument: Argument) -> Any:
    """The value as a Python object; see argument_field.

    >>> argument_value(make_argument("pads", (0, 1)))
    [0, 1]
    """
    return argument_field(argument)[1]


def _set_list(argument: Argument, values: list[Any]) -> None:
    name = argument.name
    values = [v.item() if isinstance(v, np.generic) else v for v in values]
    if all(isinstance(v, float) for v in values):  # also the empty list
        argument.floats.extend(_float32(name, v) for v in values)
    elif all(isinstance(v, int) for v in values):
        argument.ints.extend(_int64(name, v) for v in values)
    elif all(isinstance(v, str | bytes) for v in values):
        argument.strings.extend(_bytes(v) for v in values)
    elif all(_is_net(v) for v in values):
        for net in values:
            argument.nets.add().MergeFromString(net.SerializePartialToString())
    elif all(isinstance(v, Message) for v in values):
        argument.strings.extend(v.SerializeToString() for v in values)
    else:
        raise SchemaError(_no_field(name, values))


def _set_array(argument: Argument, array: np.ndarray[Any, Any]) -> None:
    flat = array.ravel()
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            narrow = flat.astype(np.float32)
        overflowed = np.isinf(narrow) & np.isfinite(flat)
        if overflowed.any():
            _float32(argument.name, float(flat[overflowed][0]))
        append_numbers(argument, "floats", narrow)
    elif array.dtype.kind in "biu":
        if array.dtype == np.uint64 and flat.size:
            _int64(argument.name, int(flat.max()))
        append_numbers(argument, "ints", flat.astype(np.int64))
    elif array.dtype.kind in "SUO":
        _set_list(argument, flat.tolist())
    else:
        raise SchemaError(_no_field(argument.name, array))


def _is_net(value: Any) -> bool:
    # By name, so that a NetDef of another protobuf pool (a real Caffe2's) counts too.
    return isinstance(value, Message) and value.DESCRIPTOR.full_name == _NET


def _bytes(value: str | bytes) -> bytes:
    return value.encode("utf-8") if isinstance(value, str) else value


def _int64(name: str, value: int) -> int:
    if value not in _INT64:
        raise SchemaError(f"argument '{name}' must fit in 64 bits, got {value}")
    return int(value)


def _float32(name: str, value: float) -> float:
    try:
        struct.pack("<f", value)
    except OverflowError:
        raise SchemaError(
            f"argument '{name}' is stored as float32, whose largest number is 3.4e38; got {value}"
        ) from None
    return value


def _no_field(name: str, value: Any) -> str:
    kind = type(value).__name__
    if isinstance(value, np.ndarray):
        kind = f"array of {value.dtype}"
    elif isinstance(value, list):
        kind = "list of " + ", ".join(sorted({type(v).__name__ for v in value}))
    text = repr(value)
    if len(text) > 80:
        text = text[:77] + "..."
    hint = ""
    if isinstance(value, list) and all(isinstance(v, int | float) for v in value):
        hint = " Write all of them as floats or all of them as ints."
    return (
        f"argument '{name}' must be int, float, bool, str, bytes, a message, a list of one of these, or "
        f"an array of numbers or strings; got {kind} {text}.{hint}"
    )
