"""Read and write messages, binary or text, from and to files.

What is not the message that was asked for is told apart: empty, cut off, damaged, of another format,
of another message.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf import text_format
from google.protobuf.message import EncodeError, Message

from c2.errors import FormatError
from c2.proto import DEVICE_TYPES, NetDef
from c2.serialize.atomic import atomic_write
from c2.serialize.budget import check_budget
from c2.serialize.recognise import (
    better_fit,
    foreign_format,
    foreign_protobuf,
    foreign_text,
    is_beyond_doubt,
    is_text,
    known_tags,
)
from c2.serialize.wire import MAX_MESSAGE, PARSE_ERRORS, WireError, read_tags

M = TypeVar("M", bound=Message)
PathLike = str | os.PathLike[str]

TEXT_SUFFIXES = (".pbtxt", ".prototxt", ".txt")
_TYPE_STRING = 9  # google.protobuf.descriptor.FieldDescriptor.TYPE_STRING

# Files from before 2018: device_type was an enum, device_id was cuda_gpu_id.
_OLD_SPELLING = re.compile(
    r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\#[^\n]*)"""
    r"""|\bcuda_gpu_id(?=\s*:)|(?<=\bdevice_type:)(\s*)(?:PROTO_)?([A-Z]+)\b"""
)


def load_net(path: PathLike) -> NetDef:
    """The NetDef in a file, binary or text; which of them is told by its content.

    Raises:
        FormatError: the file is not a NetDef.
        MemoryBudgetError: the file is larger than the memory budget.
    """
    return load_message(path, NetDef)


def load_message(path: PathLike, cls: type[M]) -> M:
    """The message of type `cls` in a file, binary or text; see load_net."""
    source = os.fspath(path)
    data = read_file(path)
    if not is_text(data):
        return parse_message(data, cls, source)
    try:
        return parse_text(data, cls, source)
    except FormatError as text_error:
        # A very short binary message can look like text.
        if foreign_format(data) is None:
            try:
                return parse_message(data, cls, source)
            except FormatError:
                pass
        raise text_error


def read_file(path: PathLike) -> bytes:
    """The bytes of a file that fits in the memory budget."""
    if os.path.isdir(path):
        raise FormatError(f"{os.fspath(path)}: expected a file, got a folder; see load_model")
    check_budget(os.path.getsize(path), f"file {os.fspath(path)}")
    return Path(path).read_bytes()


def parse_message(data: bytes, cls: type[M], source: str = "<bytes>") -> M:
    """The message in its binary form.

    Args:
        data: serialized message.
        cls: its class, from c2.proto.
        source: what to call the bytes in an error: a path, `blob 'x'`.

    Raises:
        FormatError: says what the bytes are instead, where that can be told.
    """
    name = cls.DESCRIPTOR.name
    if not data:
        raise FormatError(f"{source}: expected the message {name}, got nothing (0 bytes)")
    message = cls()
    try:
        # First, because protobuf 3 in C++ takes some cut messages for whole ones, with a mere warning.
        tags = read_tags(data)
        message.MergeFromString(data)
    except PARSE_ERRORS as error:
        raise FormatError(_why_not(data, cls, source, str(error))) from None
    if not message.IsInitialized():
        raise FormatError(_why_not(data, cls, source, f"it lacks {_missing_fields(message)}"))
    bad = invalid_string(message)
    if bad is not None:
        raise FormatError(_why_not(data, cls, source, f"{bad} is not UTF-8 text"))
    if not is_beyond_doubt(message, tags):
        _refuse_other_message(data, cls, source, tags)
    return message


def parse_text(text: str | bytes, cls: type[M], source: str = "<text>") -> M:
    """The message in its text form (.pbtxt).

    Raises:
        FormatError: says line and column.
    """
    name = cls.DESCRIPTOR.name
    if isinstance(text, bytes):
        if not is_text(text):
            raise FormatError(
                f"{source}: expected the message {name} as text, got binary data; "
                "use parse_message, or load_message for a file"
            )
        text = text.decode("utf-8-sig")
    if not text.strip():
        raise FormatError(f"{source}: expected the message {name} as text, got nothing")
    message = cls()
    try:
        text_format.Parse(_OLD_SPELLING.sub(_new_spelling, text), message)
    except (text_format.ParseError, ValueError, RecursionError) as error:
        raise FormatError(_why_no_text(text, cls, source, error)) from None
    if not message.IsInitialized():
        raise FormatError(f"{source}: the {name} lacks {_missing_fields(message)}")
    return message


def save_message(message: Message, path: PathLike, text: bool | None = None) -> None:
    """Write a message to a file, whole or not at all.

    Args:
        path: the file; its folder must exist.
        text: text form instead of binary; None: by the name, .pbtxt, .prototxt and .txt being text.

    Raises:
        FormatError: required fields are missing, the message has 2 GiB or more, or (as text) it holds
            fields that c2 does not know, which only the binary form can keep.
    """
    if text is None:
        text = os.fspath(path).lower().endswith(TEXT_SUFFIXES)
    data = message_text(message).encode("utf-8") if text else message_bytes(message)
    with atomic_write(path) as out:
        out.write(data)


def message_bytes(message: Message) -> bytes:
    """The binary form; raises FormatError where the message is incomplete or too large for protobuf."""
    name = message.DESCRIPTOR.name
    try:
        size = message.ByteSize()
        if size <= MAX_MESSAGE:
            return message.SerializeToString()
    except EncodeError as error:
        raise FormatError(f"the {name} is incomplete: {error}") from None
    raise FormatError(
        f"a {name} of {size} bytes cannot be read back: protobuf's limit is 2 GiB. "
        "Save the parameters to a database (save_predictor_db) instead"
    )


def message_text(message: M) -> str:
    """The text form; raises FormatError where it cannot hold all of the message."""
    data = message_bytes(message)
    known = type(message)()
    known.MergeFromString(data)
    known.DiscardUnknownFields()
    if known.ByteSize() != len(data):
        raise FormatError(
            f"the {message.DESCRIPTOR.name} holds fields that c2 does not know, and text cannot keep "
            "them; save it as binary (text=False)"
        )
    return text_format.MessageToString(message)


def _missing_fields(message: Any) -> str:
    return "the required fields " + ", ".join(message.FindInitializationErrors())


def invalid_string(message: Message) -> str | None:
    """Where a string of the message is not UTF-8 (protobuf checks late or never), as `op[3].type`."""
    try:
        fields = message.ListFields()
    except UnicodeDecodeError:
        return message.DESCRIPTOR.name
    for field, value in fields:
        is_message = field.message_type is not None
        if not is_message and field.type != _TYPE_STRING:
            continue
        single = isinstance(value, Message | str | bytes)
        try:
            items = [value] if single else list(value)
        except UnicodeDecodeError:
            return str(field.name)
        for k, item in enumerate(items):
            bad = invalid_string(item) if is_message else _not_text(item)
            if bad is not None:
                place = field.name if single else f"{field.name}[{k}]"
                return f"{place}.{bad}" if bad else place
    return None


def _not_text(value: Any) -> str | None:
    return None if isinstance(value, str) else ""  # protobuf 3 gives bytes where decoding failed


def _new_spelling(found: re.Match[str]) -> str:
    quoted, space, device = found.groups()
    if quoted is not None:
        return str(quoted)
    if device is None:
        return "device_id"
    return f"{space}{DEVICE_TYPES.get(device, device)}"


def _refuse_other_message(
    data: bytes, cls: type[Message], source: str, tags: set[tuple[int, int]]
) -> None:
    all_unknown = tags.isdisjoint(known_tags(cls.DESCRIPTOR))
    if all_unknown or better_fit(data, cls) is not None or foreign_protobuf(data) is not None:
        raise FormatError(_why_not(data, cls, source, "it has none of the fields of one"))


def _why_not(data: bytes, cls: type[Message], source: str, reason: str) -> str:
    expected = f"{source}: expected the message {cls.DESCRIPTOR.name}"
    foreign = foreign_format(data)
    if foreign is None and is_text(data):
        return f"{expected} in binary form, got text; use parse_text, or load_message for a file"
    other = better_fit(data, cls)
    if other is not None:
        return f"{expected}, got the message {other}; read it as c2.proto.{other}"
    foreign = foreign or foreign_protobuf(data)
    if foreign is not None:
        return f"{expected}, got {foreign[0]}; {foreign[1]}"
    try:
        read_tags(data)
    except WireError as error:
        return (
            f"{expected}, got {len(data)} bytes that stop being one at byte {error.offset}: "
            f"{error}. The file is cut off, damaged or of another kind; get it again"
        )
    return f"{expected}, got {len(data)} bytes that are none: {reason}; get the file again"


def _why_no_text(text: str, cls: type[Message], source: str, error: Exception) -> str:
    expected = f"{source}: expected the message {cls.DESCRIPTOR.name} as text"
    foreign = foreign_text(text)
    if foreign is not None:
        return f"{expected}, got {foreign[0]}; {foreign[1]}"
    return f"{expected}; line:column {error}"
