"""Say what bytes are that are not the message somebody expected."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from c2.proto import (
    BlobProto,
    MetaNetDef,
    NetDef,
    OperatorDef,
    PlanDef,
    TensorProto,
    TensorProtos,
)
from c2.serialize.wire import (
    FIXED32,
    FIXED64,
    LENGTH_DELIMITED,
    PARSE_ERRORS,
    VARINT,
    WireError,
    read_fields,
    read_tags,
)

_TEXT_CONTROLS = b"\t\n\r\f"
_BINARY = bytes(c for c in range(32) if c not in _TEXT_CONTROLS) + b"\x7f"

# Beginnings of files that people mistake for a Caffe2 file: (bytes, what they are, what to do).
_BEGINNINGS: tuple[tuple[bytes, str, str], ...] = (
    (
        b"version https://git-lfs.github.com/spec/",
        "a Git LFS pointer, not the file itself",
        "run `git lfs pull`",
    ),
    (b"<!doctype html", "an HTML page", "the download failed: look at the page and fetch again"),
    (b"<html", "an HTML page", "the download failed: look at the page and fetch again"),
    (b"<?xml", "an XML file", "look for the .pb file of the model"),
    (
        b"PK\x03\x04",
        "a zip archive (PyTorch .pt and .pth files are such archives too)",
        "unpack it; a PyTorch model has to be exported to ONNX and converted",
    ),
    (b"\x1f\x8b", "a gzip file", "run `gunzip` first"),
    (b"BZh", "a bzip2 file", "run `bunzip2` first"),
    (b"\xfd7zXZ\x00", "an xz file", "run `unxz` first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", "run `unzstd` first"),
    (b"\x93NUMPY", "a NumPy .npy file", "read it with numpy.load"),
    (b"\x89HDF\r\n", "an HDF5 (Keras) file", "convert the model first"),
    (b"\x89PNG\r\n", "a PNG image", "look for the .pb file of the model"),
    (b"\xff\xd8\xff", "a JPEG image", "look for the .pb file of the model"),
    (b"\x7fELF", "a program or shared library", "look for the .pb file of the model"),
    (b"SQLite format 3\x00", "an SQLite database", "look for the .pb file of the model"),
)
_PICKLE_FIX = "never load a pickle you do not trust; a PyTorch model has to be exported to ONNX"
_LMDB_MAGIC = b"\xde\xc0\xef\xbe"
_CONVERT = "convert the model first"
_TENSOR_DATA = ("float_data", "int32_data", "string_data", "double_data", "int64_data")
# FieldDescriptor.TYPE_DOUBLE, TYPE_FLOAT, TYPE_STRING, TYPE_MESSAGE, TYPE_BYTES; others are varints.
_WIRE_TYPES = dict.fromkeys((9, 11, 12), LENGTH_DELIMITED) | {1: FIXED64, 2: FIXED32}
_CAFFE_LAYER = re.compile(r"^[ \t]*layers?[ \t]*\{", re.MULTILINE)


def is_text(data: bytes) -> bool:
    """Whether bytes look like a text file: no control characters, and UTF-8."""
    for part in (data[:4096], data):  # the beginning tells most files apart
        if len(part.translate(None, _BINARY)) != len(part):
            return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def foreign_format(data: bytes) -> tuple[str, str] | None:
    """(what it is, what to do) where bytes are a well-known file of another kind."""
    head = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    for beginning, what, fix in _BEGINNINGS:
        if data.startswith(beginning) or head.lower().startswith(beginning):
            return what, fix
    if data[:1] == b"\x80" and data[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "a Python pickle (old PyTorch files are pickles)", _PICKLE_FIX
    if data[4:8] == b"TFL3":
        return "a TensorFlow Lite model", _CONVERT
    if data[16:20] == _LMDB_MAGIC:
        return "an LMDB database", "open it as a database of type lmdb"
    if head[:1] in (b"{", b"[") and is_text(data[:1024]):
        return "a JSON file", "look for the .pb file of the model"
    if data and not data.strip(b"\0"):
        return "nothing but zeros", "the copy or download failed: fetch the file again"
    return None


def foreign_protobuf(data: bytes) -> tuple[str, str] | None:
    """The same for models of other frameworks, which are protobuf as well with other outermost fields."""
    kinds: dict[int, int] = {}
    first = b""
    try:
        for field in read_fields(data):
            if field.number == 1 and not kinds:
                first = data[field.start : field.end]
            kinds.setdefault(field.number, field.wire_type)
    except WireError:
        return None
    if kinds.get(1) == VARINT and kinds.get(7) == LENGTH_DELIMITED:
        return "an ONNX model", "install c2-onnx and read it with that"
    if kinds.get(100) == LENGTH_DELIMITED:
        return "a model of Caffe (the first)", _CONVERT
    if kinds.get(1) == LENGTH_DELIMITED and _is_tensorflow_node(first):
        return "a TensorFlow graph", _CONVERT
    return None


def foreign_text(text: str) -> tuple[str, str] | None:
    """The same for text."""
    if _CAFFE_LAYER.search(text):
        return "a network of Caffe (the first)", _CONVERT
    return foreign_format(text[:4096].encode("utf-8"))


def better_fit(data: bytes, cls: type[Message]) -> str | None:
    """The name of a message other than `cls` that these bytes are beyond doubt."""
    for other in _FITS:
        if other is not cls and _reads_as(data, other):
            return other.DESCRIPTOR.name
    return None


def is_beyond_doubt(message: Message, tags: set[tuple[int, int]]) -> bool:
    """Whether a message makes sense: its main part is there, and none of its outermost tags is unknown."""
    test = _FITS.get(type(message))
    return tags <= known_tags(message.DESCRIPTOR) and (test is None or test(message))


@cache
def known_tags(descriptor: Descriptor) -> frozenset[tuple[int, int]]:
    """(number, wire type) of the fields a message may have; lists of numbers may be packed or not."""
    tags = set()
    for field in descriptor.fields:
        tags.add((field.number, _WIRE_TYPES.get(field.type, VARINT)))
        if isinstance(field.default_value, list):  # repeated
            tags.add((field.number, LENGTH_DELIMITED))
    return frozenset(tags)


def _reads_as(data: bytes, cls: type[Message]) -> bool:
    message = cls()
    try:
        tags = read_tags(data)
        message.MergeFromString(data)
        return message.IsInitialized() and is_beyond_doubt(message, tags)
    except PARSE_ERRORS:
        return False


def _is_tensorflow_node(data: bytes) -> bool:
    try:
        fields = {f.number: data[f.start : f.end] for f in read_fields(data)}
    except WireError:
        return False
    return all(re.fullmatch(rb"[A-Za-z][\w./-]*", fields.get(n, b"")) for n in (1, 2))


def _is_name(text: str | bytes) -> bool:
    return isinstance(text, str) and text.isprintable() and text != ""


def _is_operator(op: Any) -> bool:
    return _is_name(op.type) and all(map(_is_name, [*op.input, *op.output]))


def _is_net(net: Any) -> bool:
    return bool(net.op) and all(map(_is_operator, net.op))


def _is_tensor(tensor: Any) -> bool:
    segment = tensor.segment
    size = segment.end - segment.begin if tensor.HasField("segment") else math.prod(tensor.dims)
    stored = [len(getattr(tensor, field)) for field in _TENSOR_DATA]
    has_data = size in stored if any(stored) else bool(tensor.byte_data or tensor.raw_data)
    return has_data and (_is_name(tensor.name) or (tensor.name == "" and len(tensor.dims) > 0))


def _is_blob(blob: Any) -> bool:
    held = blob.HasField("tensor") or blob.HasField("content") or blob.HasField("qtensor")
    kind = blob.type  # a C++ type, or one of the few with a name of their own
    return held and (kind in ("Tensor", "Int8TensorCPU") or (_is_name(kind) and "::" in kind))


# Which message bytes are, beyond doubt; the most telling first.
_FITS: dict[type[Message], Callable[[Any], bool]] = {
    MetaNetDef: lambda m: bool(m.nets) and all(_is_name(n.key) for n in m.nets),
    NetDef: _is_net,
    PlanDef: lambda p: bool(p.execution_step) and all(map(_is_net, p.network)),
    BlobProto: _is_blob,
    OperatorDef: lambda op: _is_operator(op) and bool(op.input or op.output),
    TensorProtos: lambda t: bool(t.protos) and all(map(_is_tensor, t.protos)),
    TensorProto: _is_tensor,
}
