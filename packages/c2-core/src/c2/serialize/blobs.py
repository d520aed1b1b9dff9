"""BlobProto: what Save stores and Load reads, tensors in chunks.

A tensor is stored as BlobProtos of at most `chunk_size` elements each, under the keys `name#%0`,
`name#%1`, ...; they may come back in any order. Strings and int8 tensors are one BlobProto under the
plain name.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from c2.errors import FormatError, SchemaError
from c2.proto import DATA_TYPES, BlobProto, QTensorProto, TensorProto
from c2.serialize.budget import check_budget
from c2.serialize.bulk import append_numbers, get_numbers
from c2.serialize.messages import message_bytes, parse_message
from c2.serialize.tensors import (
    array_bytes,
    element_count,
    numpy_dtype,
    segment_of,
    stored_elements,
    tensor_to_proto,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK_SIZE = 1_000_000  # elements
CHUNK_SEPARATOR = "#%"
TENSOR, STRING, INT8_TENSOR = "Tensor", "std::string", "Int8TensorCPU"  # BlobProto.type

_INT8_DTYPES = {DATA_TYPES["UINT8"]: np.uint8, DATA_TYPES["INT32"]: np.int32}


@dataclass
class Int8Tensor:
    """A quantised tensor: value = (data - zero_point) * scale.

    Attributes:
        data: uint8, or int32 as biases are; any shape.
        scale: unitless, of one step of data.
        zero_point: the data that stands for 0.
    """

    data: NDArray[Any]
    scale: float
    zero_point: int


class ContentType(NamedTuple):
    """How a blob that is neither tensor nor string is stored: in BlobProto.content, under `name`."""

    name: str  # BlobProto.type, a C++ type in Caffe2's files
    kind: type
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


ContentTypes = Mapping[str, ContentType]  # by their names


def serialize_blob(
    name: str,
    value: Any,
    chunk_size: int = CHUNK_SIZE,
    *,
    bfloat16: bool = False,
    content_types: ContentTypes | None = None,
) -> Iterator[tuple[str, bytes]]:
    """The (key, serialized BlobProto) pairs of a blob, as Caffe2's Save would store them.

    Args:
        value: array, bytes or str (a std::string), Int8Tensor, or of one of `content_types`.
        chunk_size: elements per chunk; 0 is the default, below 0 is one chunk.
        bfloat16: store float32 rounded to bfloat16.
        content_types: further kinds of blobs.

    >>> [key for key, _ in serialize_blob("w", np.zeros(5), chunk_size=2)]
    ['w#%0', 'w#%1', 'w#%2']

    Raises:
        SchemaError: the blob is of a kind that has no stored form.
    """
    if isinstance(value, np.ndarray | np.generic):
        return _tensor_chunks(name, np.asarray(value), chunk_size, bfloat16)
    blob = BlobProto(name=name)
    if isinstance(value, str | bytes):
        blob.type = STRING
        blob.content = value.encode("utf-8") if isinstance(value, str) else value
    elif isinstance(value, Int8Tensor):
        blob.type = INT8_TENSOR
        blob.qtensor.CopyFrom(int8_to_proto(value, name))
    else:
        content = _content_type_of(name, value, content_types or {})
        blob.type = content.name
        blob.content = content.encode(value)
    return iter([(name, message_bytes(blob))])


def _content_type_of(name: str, value: Any, content_types: ContentTypes) -> ContentType:
    for content in content_types.values():
        if isinstance(value, content.kind):
            return content
    kinds = [
        "array",
        "bytes",
        "str",
        "Int8Tensor",
        *(c.kind.__name__ for c in content_types.values()),
    ]
    raise SchemaError(
        f"blob '{name}' is a {type(value).__name__} and cannot be stored; "
        f"expected one of {', '.join(kinds)}"
    )


def _tensor_chunks(
    name: str, array: NDArray[Any], chunk_size: int, bfloat16: bool
) -> Iterator[tuple[str, bytes]]:
    if array.dtype.kind in "OSU" or chunk_size < 0:  # strings are never cut
        chunk_size = max(array.size, 1)
    chunk_size = chunk_size or CHUNK_SIZE
    for k in range(max(1, math.ceil(array.size / chunk_size))):
        begin = k * chunk_size
        end = min(begin + chunk_size, array.size)
        blob = BlobProto(name=name, type=TENSOR)
        blob.tensor.CopyFrom(tensor_to_proto(array, name, begin, end, bfloat16=bfloat16))
        # Real Caffe2 writes these two although they are the defaults; so the files are equal.
        blob.tensor.device_detail.device_type = 0
        if array.dtype == np.float32:
            blob.tensor.data_format = blob.tensor.data_format
        yield f"{name}{CHUNK_SEPARATOR}{k}", message_bytes(blob)


def split_key(key: str) -> tuple[str, int | None]:
    """The blob's name and the number of the chunk (None for what is not cut) in a key.

    >>> split_key("fc_w#%12"), split_key("label")
    (('fc_w', 12), ('label', None))
    """
    name, separator, chunk = key.rpartition(CHUNK_SEPARATOR)
    if separator and chunk.isdecimal():
        return name, int(chunk)
    return key, None


def int8_to_proto(value: Int8Tensor, name: str = "") -> QTensorProto:
    """The QTensorProto of an int8 tensor.

    Raises:
        SchemaError: the data is neither uint8 nor int32.
    """
    data = np.asarray(value.data)
    if data.dtype not in (np.uint8, np.int32):
        raise SchemaError(f"int8 tensor '{name}': expected uint8 or int32 data, got {data.dtype}")
    data_type = DATA_TYPES["UINT8" if data.dtype == np.uint8 else "INT32"]
    proto = QTensorProto(
        dims=data.shape,
        precision=8,
        scale=value.scale,
        bias=value.zero_point,
        is_signed=False,
        data_type=data_type,
    )
    if name:
        proto.name = name
    append_numbers(proto, "data", data.reshape(-1))
    return proto


def int8_from_proto(proto: QTensorProto, budget: int | None = None, source: str = "") -> Int8Tensor:
    """The int8 tensor in a QTensorProto.

    Raises:
        FormatError: dims, data type and data do not fit together, or zero point and scale are no numbers.
        MemoryBudgetError: larger than the budget; nothing was allocated.
    """
    source = source or f"int8 tensor '{proto.name}'"
    dtype = _INT8_DTYPES.get(proto.data_type)
    if dtype is None:
        raise FormatError(f"{source}: data_type must be UINT8 or INT32, got {proto.data_type}")
    if proto.is_multiparam:
        raise FormatError(f"{source}: expected one scale for the tensor, got one per slice")
    if not (math.isfinite(proto.scale) and proto.bias.is_integer()):
        raise FormatError(
            f"{source}: expected a finite scale and a whole zero point, "
            f"got scale {proto.scale} and bias {proto.bias}"
        )
    size = element_count(proto, source)
    check_budget(size * np.dtype(dtype).itemsize, f"{source} {tuple(proto.dims)}", budget)
    if len(proto.data) != size:
        raise FormatError(f"{source}: expected {size} elements, got {len(proto.data)}; damaged")
    data = get_numbers(proto, "data", dtype).reshape(tuple(proto.dims))
    return Int8Tensor(data, proto.scale, int(proto.bias))


class BlobAssembler:
    """Put blobs together from the entries of a database, in whatever order they come.

    >>> entries = list(serialize_blob("w", np.arange(5), chunk_size=2))
    >>> assembler = BlobAssembler()
    >>> for key, value in reversed(entries):
    ...     assembler.add(key, value)
    >>> assembler.finish()["w"]
    array([0, 1, 2, 3, 4])

    Args:
        source: what to call the entries in an error: the path of the database.
        budget: bytes that all blobs together may take; None: c2.serialize.budget.
        content_types: further kinds of blobs; see serialize_blob.
    """

    def __init__(
        self,
        source: str = "database",
        budget: int | None = None,
        content_types: ContentTypes | None = None,
    ) -> None:
        self._source = source
        self._budget = budget
        self._content_types = content_types or {}
        self._used = 0
        self._blobs: dict[str, Any] = {}
        self._parts: dict[str, _Parts] = {}

    def add(self, key: str, value: bytes) -> None:
        """Take one entry.

        Raises:
            FormatError: the entry is no BlobProto, or does not fit to the ones before it.
            MemoryBudgetError: the blobs so far and this one are larger than the budget.
        """
        name, _ = split_key(key)
        source = f"{self._source}: blob '{name}' (key '{key}')"
        blob = parse_message(value, BlobProto, source)
        if blob.type == TENSOR or (blob.HasField("tensor") and not blob.type):
            self._add_chunk(name, blob.tensor, source)
            return
        if name in self._blobs or name in self._parts:
            raise FormatError(f"{source}: the blob is there already; the database is damaged")
        self._blobs[name] = self._whole(blob, source)

    def is_complete(self, name: str) -> bool:
        """Whether all of a blob has come."""
        parts = self._parts.get(name)
        return name in self._blobs if parts is None else parts.is_complete()

    def finish(self) -> dict[str, Any]:
        """All blobs by name, in the order in which they began.

        Raises:
            FormatError: chunks are missing.
        """
        for name, parts in self._parts.items():
            parts.refuse_gaps(f"{self._source}: blob '{name}'")
        return self._blobs

    def _add_chunk(self, name: str, proto: TensorProto, source: str) -> None:
        elements = stored_elements(proto, source)
        parts = self._parts.get(name)
        if parts is None:
            if name in self._blobs:
                raise FormatError(f"{source}: the blob is there already, and is no tensor; damaged")
            self._use(array_bytes(proto, source), source)
            parts = self._parts[name] = _Parts(proto)
            self._blobs[name] = parts.array
        parts.add(proto, elements, source)

    def _whole(self, blob: BlobProto, source: str) -> Any:
        if blob.type == STRING:
            self._use(len(blob.content), source)
            return blob.content
        if blob.type == INT8_TENSOR:
            self._use(4 * element_count(blob.qtensor, source), source)
            return int8_from_proto(blob.qtensor, self._budget, source)
        content = self._content_types.get(blob.type)
        if content is None:
            known = ", ".join([TENSOR, STRING, INT8_TENSOR, *self._content_types])
            raise FormatError(f"{source}: type '{blob.type}' cannot be read; c2 reads {known}")
        self._use(len(blob.content), source)
        return content.decode(blob.content)

    def _use(self, nbytes: int, source: str) -> None:
        check_budget(self._used + nbytes, f"{source} with the blobs before it", self._budget)
        self._used += nbytes


class _Parts:
    """A tensor of which some chunks have come."""

    def __init__(self, proto: TensorProto) -> None:
        self.shape = tuple(proto.dims)
        self.data_type = proto.data_type
        self.array: NDArray[Any] = np.empty(self.shape, numpy_dtype(proto.data_type))
        self.flat = self.array.reshape(-1)
        self.begins: list[int] = []  # sorted
        self.ends: list[int] = []
        self.filled = 0

    def add(self, proto: TensorProto, elements: NDArray[Any], source: str) -> None:
        if tuple(proto.dims) != self.shape or proto.data_type != self.data_type:
            raise FormatError(
                f"{source}: expected a chunk of {self.array.dtype} {self.shape} like the first, "
                f"got {numpy_dtype(proto.data_type)} {tuple(proto.dims)}; the chunks are not of one blob"
            )
        begin, end = segment_of(proto, source)
        k = bisect(self.begins, begin)
        overlaps = (k > 0 and self.ends[k - 1] > begin) or (
            k < len(self.begins) and self.begins[k] < end
        )
        if overlaps or (self.begins and begin == end):
            raise FormatError(
                f"{source}: elements {begin} to {end} came before; a chunk is doubled"
            )
        self.flat[begin:end] = elements
        self.begins.insert(k, begin)
        self.ends.insert(k, end)
        self.filled += end - begin

    def is_complete(self) -> bool:
        return self.filled == self.flat.size

    def refuse_gaps(self, source: str) -> None:
        position = 0
        for begin, end in zip([*self.begins, self.flat.size], [*self.ends, 0], strict=True):
            if begin > position:
                raise FormatError(
                    f"{source}: elements {position} to {begin} of {self.flat.size} are missing; "
                    "the database was not written to its end, or chunks were taken out"
                )
            position = end
