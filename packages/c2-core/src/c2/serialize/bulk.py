"""Numbers between the repeated fields of a message and NumPy arrays, without a loop over them.

protobuf's own containers give one Python object per element. Here the elements are taken from the
message's bytes, where they lie in a row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from google.protobuf.message import Message

from c2.errors import FormatError
from c2.serialize.varints import decode_varints, encode_varints
from c2.serialize.wire import LENGTH_DELIMITED, MAX_MESSAGE, find_field, varint_bytes

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

# Elements below which protobuf's own way is quicker.
_FEW_FIXED = 256
_FEW_VARINTS = 2048
# Types of fields whose elements have a fixed width: FieldDescriptor.TYPE_DOUBLE and TYPE_FLOAT.
_FIXED: dict[int, np.dtype[Any]] = {1: np.dtype("<f8"), 2: np.dtype("<f4")}


def get_numbers(message: Message, field: str, dtype: DTypeLike) -> NDArray[Any]:
    """The elements of a repeated number field as a new array (n,) of `dtype`.

    Integers that do not fit are cut to the width of `dtype`, as Caffe2 does.
    """
    container = getattr(message, field)
    if hasattr(container, "__array__"):  # protobuf 7
        return np.array(container).astype(dtype, copy=False)
    count = len(container)
    out = np.empty(count, dtype)
    descriptor = message.DESCRIPTOR.fields_by_name[field]
    stored = _FIXED.get(descriptor.type)
    if count < (_FEW_VARINTS if stored is None else _FEW_FIXED):
        out[:] = np.fromiter(container, stored or np.int64, count).astype(out.dtype)
        return out
    data = message.SerializePartialToString()
    wire_type, tag_start, start = find_field(data, descriptor.number)
    packed = wire_type == LENGTH_DELIMITED
    if stored is not None:
        out[:] = _fixed(
            data, stored, count, start if packed else tag_start, start - tag_start, packed
        )
        return out
    raw = np.frombuffer(data, np.uint8)
    decode_varints(raw[start if packed else tag_start :], out, skip_tags=not packed)
    return out


def _fixed(
    data: bytes, dtype: np.dtype[Any], count: int, start: int, tag: int, packed: bool
) -> NDArray[Any]:
    if packed:
        return np.frombuffer(data, dtype, count, start)
    record = np.dtype([("tag", np.uint8, (tag,)), ("value", dtype)])
    return np.frombuffer(data, record, count, start)["value"]


def append_numbers(message: Message, field: str, values: NDArray[Any]) -> None:
    """Append `values` (n,) to a repeated number field; they must fit its type.

    Raises:
        FormatError: they are more than one message can hold.
    """
    descriptor = message.DESCRIPTOR.fields_by_name[field]
    stored = _FIXED.get(descriptor.type)
    if values.dtype.kind == "b":
        values = values.view(np.uint8)
    if len(values) < _FEW_FIXED:
        getattr(message, field).extend(values.tolist())
        return
    if stored is not None:
        payload = np.ascontiguousarray(values, stored).tobytes()
    else:
        payload = encode_varints(values)
    if len(payload) > MAX_MESSAGE:
        raise FormatError(
            f"{len(values)} elements take {len(payload)} bytes in {field}, and a message holds less "
            "than 2 GiB; store them in segments"
        )
    # A reader takes packed elements for any repeated number field, whether declared so or not.
    tag = varint_bytes(descriptor.number << 3 | LENGTH_DELIMITED)
    message.MergeFromString(b"".join([tag, varint_bytes(len(payload)), payload]))
