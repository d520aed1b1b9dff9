"""Arg: a typed, documented argument of an operator, and strict reading of it from an OperatorDef."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from c2.errors import SchemaError, did_you_mean
from c2.serialize.bulk import get_numbers

REQUIRED: Any = type("Required", (), {"__repr__": lambda self: "required"})()

# What may stand in an Argument message for a type, and how it is read.
_FIELDS = {
    int: "i", float: "f", bool: "i", str: "s", bytes: "s", "net": "n",
    "ints": "ints", "floats": "floats", "strings": "strings",
    "tensor": "t", "tensors": "tensors", "nets": "nets",
}  # fmt: skip
_LISTS = frozenset({"ints", "floats", "strings", "tensors", "nets"})
_LONG = 1000  # lists of more numbers are given as arrays: weights in a GivenTensorFill
_LONG_DTYPES = {"ints": np.int64, "floats": np.float32}
_ALL_FIELDS = ("f", "i", "s", "t", "n")
_ALL_LISTS = ("floats", "ints", "strings", "tensors", "nets", "qtensors")


@dataclass(frozen=True)
class Arg:
    """An argument: its name, type, default, meaning and range.

    `type` is int, float, bool, str, bytes, or the name of a field: "ints", "floats", "strings" (bytes),
    "net", "nets", "tensor", "tensors". `default=REQUIRED` demands it. Lists are given to kernels as
    tuples, those of more than 1000 numbers as arrays.
    """

    name: str
    type: Any
    default: Any = None
    doc: str = ""
    choices: tuple[Any, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None

    @property
    def type_name(self) -> str:
        return self.type if isinstance(self.type, str) else self.type.__name__

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    def read(self, message: Any) -> Any:
        """The value in an Argument message. Typing is as strict as Caffe2's: an int does not serve as a float."""
        want = _FIELDS[self.type]
        have = argument_fields(message)
        if want in _LISTS:
            # Caffe2 writes an empty list as an empty `floats`, which leaves no field set at all.
            if have and have != [want]:
                raise SchemaError(self._wrong_field(want, have, message))
            return _list(want, message)
        if want not in have:
            raise SchemaError(self._wrong_field(want, have, message))
        value = getattr(message, want)
        if self.type is bool:
            return bool(value)
        if self.type is str:
            return value.decode("utf-8")
        return _shortest(value) if self.type is float else value

    def validate(self, value: Any) -> None:
        """Raises SchemaError where the value is outside the range or not among the choices."""
        if self.choices is not None and value not in self.choices:
            near = did_you_mean(str(value), [str(c) for c in self.choices])
            raise SchemaError(
                f"argument '{self.name}' must be one of {self.choices}, got {value!r}.{near}"
            )
        if self.minimum is not None or self.maximum is not None:
            for v in value if isinstance(value, tuple) else (value,):
                if v is not None and not self._inside(v):
                    low = "" if self.minimum is None else f"{self.minimum} <= "
                    high = "" if self.maximum is None else f" <= {self.maximum}"
                    raise SchemaError(
                        f"argument '{self.name}' must satisfy {low}{self.name}{high}, got {v!r}"
                    )

    def _inside(self, value: Any) -> bool:
        return (self.minimum is None or value >= self.minimum) and (
            self.maximum is None or value <= self.maximum
        )

    def _wrong_field(self, want: str, have: list[str], message: Any) -> str:
        got = ", ".join(f"'{h}' = {_short(getattr(message, h))}" for h in have) or "nothing"
        hint = ""
        if want == "f" and have == ["i"]:
            hint = f" Write {self.name}={float(message.i)} instead of {self.name}={message.i}."
        if want == "i" and have == ["f"] and float(message.f).is_integer():
            hint = f" Write {self.name}={int(message.f)} instead of {self.name}={message.f}."
        return (
            f"argument '{self.name}' does not have the right field: expected {self.type_name} in field "
            f"'{want}', got {got}.{hint}"
        )


_TYPES_OF_FIELDS = {
    "f": float, "i": int, "s": bytes, "floats": "floats", "ints": "ints", "strings": "strings",
}  # fmt: skip


class AnyField(Arg):
    """An argument whose type is that of the field it stands in: int, float, bytes, or a list of them."""

    def read(self, message: Any) -> Any:
        have = argument_fields(message)
        if not have:
            return ()  # an empty list sets no field
        if len(have) > 1 or have[0] not in _TYPES_OF_FIELDS:
            fields = ", ".join(have)
            raise SchemaError(
                f"argument '{self.name}' must be {self.type_name}, found fields {fields}"
            )
        return Arg(self.name, _TYPES_OF_FIELDS[have[0]]).read(message)


class ArgFamily(AnyField):
    """All further arguments whose names begin with `name`: kernels get a dict, rest of the name -> value."""

    def collect(self, given: dict[str, Any]) -> dict[str, Any]:
        """Reads the members of the family among Argument messages that no other argument of the operator names."""
        return {n[len(self.name) :]: self.read(m) for n, m in given.items()}


def argument_fields(message: Any) -> list[str]:
    """Names of the fields that are set in an Argument message."""
    return [f for f in _ALL_FIELDS if message.HasField(f)] + [
        f for f in _ALL_LISTS if getattr(message, f)
    ]


def read_arguments(args: Any, messages: Any) -> tuple[dict[str, Any], list[str], list[SchemaError]]:
    """Reads all arguments of an operator.

    Args:
        args: name -> Arg, in schema order.
        messages: Argument messages of an OperatorDef.

    Returns:
        The values in schema order with defaults filled in, the names of arguments nobody reads (Caffe2 ignores
        them), and what was wrong.
    """
    given = {m.name: m for m in messages}
    values: dict[str, Any] = {}
    problems: list[SchemaError] = []
    unread = [n for n in given if n not in args]
    for name, arg in args.items():
        if isinstance(arg, ArgFamily):
            members = {n: given[n] for n in unread if n.startswith(name)}
            unread = [n for n in unread if n not in members]
            try:
                values[name] = arg.collect(members)
            except SchemaError as error:
                problems.append(error)
            continue
        if name not in given:
            if arg.required:
                problems.append(
                    SchemaError(f"argument '{name}' ({arg.type_name}) is required: {arg.doc}")
                )
            else:
                values[name] = arg.default
            continue
        try:
            values[name] = arg.read(given[name])
            arg.validate(values[name])
        except SchemaError as error:
            problems.append(error)
    return values, unread, problems


def _list(field: str, message: Any) -> Any:
    values = getattr(message, field)
    if len(values) > _LONG and field in _LONG_DTYPES:
        return get_numbers(message, field, _LONG_DTYPES[field])
    if field == "floats":
        return tuple(map(_shortest, values))
    return tuple(values)


def _shortest(value: float) -> float:
    """The shortest decimal that is this float32: 0.1, not 0.10000000149, so that float64 sees what was written."""
    return float(str(np.float32(value)))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
