"""The bytes of a protobuf message, as far as its outermost fields."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from mmap import mmap
from typing import NamedTuple

from google.protobuf.message import DecodeError

VARINT, FIXED64, LENGTH_DELIMITED, START_GROUP, END_GROUP, FIXED32 = range(6)
_FIXED_SIZES = {FIXED64: 8, FIXED32: 4}
_MAX_FIELD_NUMBER = (1 << 29) - 1

MAX_MESSAGE = (1 << 31) - 1
"""Bytes; protobuf reads no larger message."""

PARSE_ERRORS = (DecodeError, ValueError, RecursionError, IndexError, TypeError, struct.error)
"""What protobuf's several implementations raise on bytes that are not the message."""


class WireError(ValueError):
    """The bytes stop being a message at `offset`."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(reason)
        self.offset = offset


class Field(NamedTuple):
    """One field: bytes [offset, end), of which the tag and length come before `start`."""

    number: int
    wire_type: int
    offset: int
    start: int
    end: int


def read_fields(data: bytes | mmap) -> Iterator[Field]:
    """The outermost fields in order.

    Raises:
        WireError: the bytes are no message; fields before that point have been yielded.
    """
    offset = 0
    while offset < len(data):
        tag, start = _read_varint(data, offset)
        number, wire_type = tag >> 3, tag & 7
        if not 1 <= number <= _MAX_FIELD_NUMBER:
            raise WireError(offset, f"field number {number} is impossible")
        if wire_type == VARINT:
            _, end = _read_varint(data, start)
        elif wire_type == LENGTH_DELIMITED:
            length, start = _read_varint(data, start)
            end = start + length
        elif wire_type in _FIXED_SIZES:
            end = start + _FIXED_SIZES[wire_type]
        else:
            raise WireError(offset, f"wire type {wire_type} of field {number} is impossible")
        if end > len(data):
            raise WireError(
                offset,
                f"field {number} wants {end - start} bytes, and {len(data) - start} are left",
            )
        yield Field(number, wire_type, offset, start, end)
        offset = end


def read_tags(data: bytes) -> set[tuple[int, int]]:
    """The (number, wire type) pairs of the outermost fields; raises WireError as read_fields does."""
    return {(field.number, field.wire_type) for field in read_fields(data)}


def find_field(data: bytes, number: int) -> tuple[int, int, int]:
    """(wire type, where the tag starts, where the value starts) of the first field `number`."""
    for field in read_fields(data):
        if field.number == number:
            return field.wire_type, field.offset, field.start
    raise AssertionError(f"no field {number}")


def varint_bytes(number: int) -> bytes:
    """A number >= 0 as a varint."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_varint(data: bytes | mmap, offset: int) -> tuple[int, int]:
    number = 0
    for k in range(10):
        if offset + k >= len(data):
            raise WireError(offset, "the bytes end inside a number")
        byte = data[offset + k]
        number |= (byte & 0x7F) << (7 * k)
        if byte < 0x80:
            return number, offset + k + 1
    raise WireError(offset, "a number is longer than 10 bytes")
