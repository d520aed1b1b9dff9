"""TensorProto from and to NumPy arrays.

==========================================  =======================================
data_type                                   stored in
==========================================  =======================================
FLOAT, DOUBLE, INT64, INT32                 float_data, double_data, int64_data, int32_data
BOOL, UINT8, INT8, UINT16, INT16, FLOAT16   int32_data (float16 as its bits), or byte_data
BYTE                                        byte_data
STRING                                      string_data
FLOAT with data_format FMT_BFLOAT16         raw_data, the upper halves of the floats
==========================================  =======================================
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from c2.errors import FormatError, SchemaError
from c2.proto import DATA_TYPES, QTensorProto, TensorProto
from c2.serialize.budget import check_budget
from c2.serialize.bulk import append_numbers, get_numbers

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

_NUMBERS = {
    "FLOAT": "float32",
    "INT32": "int32",
    "BYTE": "uint8",
    "STRING": "object",
    "BOOL": "bool",
    "UINT8": "uint8",
    "INT8": "int8",
    "UINT16": "uint16",
    "INT16": "int16",
    "INT64": "int64",
    "FLOAT16": "float16",
    "DOUBLE": "float64",
}
_DTYPES = {DATA_TYPES[name]: np.dtype(dtype) for name, dtype in _NUMBERS.items()}
_DATA_TYPES = {dtype: number for number, dtype in _DTYPES.items() if number != DATA_TYPES["BYTE"]}
_NAMES = {number: name for name, number in DATA_TYPES.items()}
_FIELDS = {np.dtype(np.float32): "float_data", np.dtype(np.float64): "double_data"}
_FIELDS[np.dtype(np.int64)] = "int64_data"

_MAX_ELEMENTS = (1 << 63) - 1
_MAX_DIMS = 32  # NumPy 1 has no more
_WIDEST = 8  # bytes per element


def numpy_dtype(data_type: int, source: str = "tensor") -> np.dtype[Any]:
    """The NumPy dtype of a TensorProto.DataType; strings are object arrays of bytes.

    Args:
        source: what to call the tensor in an error.

    Raises:
        FormatError: NumPy has none: UNDEFINED, or a number Caffe2 does not know.
    """
    found = _DTYPES.get(data_type)
    if found is None:
        known = ", ".join(_NUMBERS)
        name = _NAMES.get(data_type, "unknown")
        raise FormatError(
            f"{source}: data_type {data_type} ({name}) is no array; expected one of {known}"
        )
    return found


def data_type_of(dtype: DTypeLike) -> int:
    """The TensorProto.DataType of a NumPy dtype.

    >>> data_type_of("float16")
    12

    Raises:
        SchemaError: Caffe2 has none, as for uint32 and complex numbers.
    """
    wanted = np.dtype(dtype).newbyteorder("=")
    if wanted.kind in "SU":
        return DATA_TYPES["STRING"]
    if wanted not in _DATA_TYPES:
        known = ", ".join(map(str, _DATA_TYPES))
        raise SchemaError(f"Caffe2 has no tensors of {wanted}; expected one of {known}; use astype")
    return _DATA_TYPES[wanted]


def tensor_to_proto(
    array: NDArray[Any],
    name: str = "",
    begin: int | None = None,
    end: int | None = None,
    *,
    bfloat16: bool = False,
) -> TensorProto:
    """A TensorProto that holds an array, or its elements [begin, end) in row-major order.

    Args:
        array: any shape; strings as an object, S or U array.
        name: stored where not empty.
        begin, end: given, the segment is stored too, and `dims` are still those of the whole array.
        bfloat16: store float32 rounded to bfloat16, in half the space.

    >>> list(tensor_to_proto(np.arange(4.0), begin=1, end=3).double_data)
    [1.0, 2.0]

    Raises:
        SchemaError: a dtype Caffe2 does not have.
        FormatError: 2 GiB or more; store it in segments.
    """
    array = np.asarray(array)
    proto = TensorProto(data_type=data_type_of(array.dtype))
    proto.dims.extend(array.shape)
    if name:
        proto.name = name
    flat = array.reshape(-1)
    if begin is not None or end is not None:
        begin, end = begin or 0, flat.size if end is None else end
        _check_segment(begin, end, flat.size, name)
        proto.segment.begin, proto.segment.end = begin, end
        flat = flat[begin:end]
    if flat.dtype.kind in "OSU":
        proto.string_data.extend(map(_string_bytes, flat.tolist()))
    elif bfloat16 and flat.dtype == np.float32:
        proto.data_format = TensorProto.FMT_BFLOAT16
        proto.raw_data = _to_bfloat16(flat).tobytes()
    else:
        _set_elements(proto, flat)
    return proto


def tensor_from_proto(
    proto: TensorProto, budget: int | None = None, source: str = "tensor"
) -> NDArray[Any]:
    """The array in a TensorProto, in memory of its own.

    Args:
        budget: bytes the array may take; None: c2.serialize.budget.
        source: what to call the tensor in an error, where it has no name.

    Raises:
        FormatError: dims, data type, segment and data do not fit together, or it is one chunk of many.
        MemoryBudgetError: larger than the budget; nothing was allocated.
    """
    source = tensor_name(proto, source)
    check_budget(array_bytes(proto, source), lambda: _description(proto, source), budget)
    size = element_count(proto, source)
    begin, end = segment_of(proto, source)
    if (begin, end) != (0, size):
        raise FormatError(
            f"{source}: expected all {size} elements, got the chunk {begin} to {end}; join the "
            "chunks with c2.serialize.blobs.BlobAssembler"
        )
    found = stored_elements(proto, source)
    return (found if found.flags.writeable else found.copy()).reshape(tuple(proto.dims))


def stored_elements(proto: TensorProto, source: str = "tensor") -> NDArray[Any]:
    """The elements of the segment (n,), perhaps read-only.

    Raises:
        FormatError: they are not as many as the segment says, or not in the field of their type.
    """
    begin, end = segment_of(proto, source)
    found = _elements(proto, numpy_dtype(proto.data_type, source), source)
    if len(found) != end - begin:
        raise FormatError(
            f"{_description(proto, source)}: expected {end - begin} elements, got {len(found)}; "
            "the file is damaged"
        )
    return found


def array_bytes(proto: TensorProto, source: str = "tensor") -> int:
    """How much memory the array of the whole tensor takes, and the strings of this chunk."""
    itemsize = numpy_dtype(proto.data_type, source).itemsize
    return element_count(proto, source) * itemsize + sum(map(len, proto.string_data))


def element_count(proto: TensorProto | QTensorProto, source: str = "tensor") -> int:
    """The product of the dims, checked."""
    shape = tuple(proto.dims)
    if any(d < 0 for d in shape):
        raise FormatError(f"{source}: expected dims of 0 or more, got {shape}")
    if len(shape) > _MAX_DIMS:
        raise FormatError(f"{source}: expected at most {_MAX_DIMS} dims, got {len(shape)}")
    # NumPy refuses (2**62, 0, 2**62) too, so the zeros do not count.
    if math.prod(d for d in shape if d) * _WIDEST > _MAX_ELEMENTS:
        raise FormatError(f"{source}: dims {shape} are more elements than there can be")
    return math.prod(shape)


def segment_of(proto: TensorProto, source: str = "tensor") -> tuple[int, int]:
    """(begin, end) of the elements that are stored, checked; all of them where there is no segment."""
    size = element_count(proto, source)
    if not proto.HasField("segment"):
        return 0, size
    begin, end = proto.segment.begin, proto.segment.end
    if not 0 <= begin <= end <= size:
        raise FormatError(f"{source}: expected a segment within 0 to {size}, got {begin} to {end}")
    return begin, end


def tensor_name(proto: TensorProto, source: str) -> str:
    """What to call a tensor in an error."""
    return f"tensor '{proto.name}'" if proto.name and source == "tensor" else source


def _description(proto: TensorProto, source: str) -> str:
    return f"{source} {numpy_dtype(proto.data_type, source)} {tuple(proto.dims)}"


def _check_segment(begin: int, end: int, size: int, name: str) -> None:
    if not 0 <= begin <= end <= size:
        raise SchemaError(
            f"tensor '{name}': expected 0 <= begin <= end <= {size}, got begin {begin} and end {end}"
        )


def _set_elements(proto: TensorProto, flat: NDArray[Any]) -> None:
    flat = flat.astype(flat.dtype.newbyteorder("="), copy=False)
    field = _FIELDS.get(flat.dtype, "int32_data")
    if flat.dtype == np.float16:
        flat = np.ascontiguousarray(flat).view(np.uint16)
    append_numbers(proto, field, flat)


def _elements(proto: TensorProto, dtype: np.dtype[Any], source: str) -> NDArray[Any]:
    if proto.data_format not in (TensorProto.FMT_PROTOBUF, TensorProto.FMT_BFLOAT16):
        raise FormatError(f"{source}: data_format must be 0 or 1, got {proto.data_format}")
    if proto.data_format == TensorProto.FMT_BFLOAT16:
        if dtype != np.float32:
            raise FormatError(f"{source}: data_format bfloat16 is for float32, got {dtype}")
        return _from_bfloat16(_from_bytes(proto.raw_data, np.dtype("<u2"), source))
    if dtype.kind == "O":
        strings = np.empty(len(proto.string_data), dtype)
        strings[:] = proto.string_data
        return strings
    if dtype in _FIELDS:
        return get_numbers(proto, _FIELDS[dtype], dtype)
    if proto.data_type == DATA_TYPES["BYTE"] or proto.byte_data:
        return _from_bytes(proto.byte_data, dtype.newbyteorder("<"), source)
    if dtype == np.float16:
        return get_numbers(proto, "int32_data", np.uint16).view(np.float16)
    return get_numbers(proto, "int32_data", dtype)


def _from_bytes(data: bytes, dtype: np.dtype[Any], source: str) -> NDArray[Any]:
    if len(data) % dtype.itemsize:
        raise FormatError(
            f"{source}: expected a multiple of {dtype.itemsize} bytes, got {len(data)}; damaged"
        )
    if dtype.kind == "b":
        return np.frombuffer(data, np.uint8).astype(bool)
    return np.frombuffer(data, dtype)


def _to_bfloat16(values: NDArray[Any]) -> NDArray[Any]:
    """The upper 16 bits of float32, rounded to the nearest, up where two are equally near."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    rounded = (bits + np.uint32(0x8000)) >> np.uint32(16)
    # Rounding would carry a NaN over into a number.
    cut = (bits >> np.uint32(16)) | np.uint32(0x40)
    chosen: NDArray[Any] = np.where(np.isnan(values), cut, rounded).astype("<u2")
    return chosen


def _from_bfloat16(halves: NDArray[Any]) -> NDArray[Any]:
    bits: NDArray[Any] = halves.astype(np.uint32) << np.uint32(16)
    return bits.view(np.float32)


def _string_bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8")
    if isinstance(value, bytes):
        return value
    raise SchemaError(
        f"a tensor of strings must hold str or bytes only, got {type(value).__name__} {value!r:.60}"
    )
