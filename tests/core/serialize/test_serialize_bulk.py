"""Bulk conversion against protobuf's own, element by element."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2.errors import FormatError
from c2.proto import Argument, QTensorProto, TensorProto
from c2.serialize import bulk, varints
from c2.serialize.bulk import append_numbers, get_numbers
from c2.serialize.varints import decode_varints, encode_varints
from c2.serialize.wire import varint_bytes

INT64 = st.integers(-(2**63), 2**63 - 1)
MIXED = st.one_of(st.integers(-3, 300), st.integers(0, 2**32), INT64)


def one_by_one(numbers):
    return b"".join(varint_bytes(n % 2**64) for n in numbers)


@given(st.lists(MIXED))
@settings(deadline=None)
def test_varints_equal_those_written_one_by_one(numbers):
    array = np.array(numbers, np.int64)
    data = encode_varints(array)
    assert data == one_by_one(numbers)
    out = np.empty(len(numbers), np.int64)
    if numbers:
        decode_varints(np.frombuffer(data + b"\x07tail", np.uint8), out)
    assert out.tolist() == numbers


@pytest.mark.parametrize("block", [10, 11, 37])
def test_varints_across_blocks(monkeypatch, block):
    monkeypatch.setattr(varints, "_BLOCK", block)
    numbers = np.random.default_rng(0).integers(-(2**62), 2**62, 200) >> np.arange(200) % 63
    data = encode_varints(numbers)
    assert data == one_by_one(numbers.tolist())
    out = np.empty(200, np.int64)
    decode_varints(np.frombuffer(data, np.uint8), out)
    assert np.array_equal(out, numbers)


FIELDS = [
    (TensorProto, "float_data", np.float32),
    (TensorProto, "double_data", np.float64),
    (TensorProto, "int32_data", np.int32),
    (TensorProto, "int64_data", np.int64),
    (QTensorProto, "data", np.int32),
    (Argument, "floats", np.float32),
    (Argument, "ints", np.int64),
]


@pytest.mark.parametrize(("cls", "field", "dtype"), FIELDS)
@pytest.mark.parametrize("count", [0, 1, bulk._FEW_FIXED, bulk._FEW_VARINTS + 1])
def test_fields(cls, field, dtype, count):
    rng = np.random.default_rng(count)
    values = (rng.standard_normal(count) * 1e6).astype(dtype)
    message = cls(name="n" * 200)
    append_numbers(message, field, values)
    assert list(getattr(message, field)) == values.tolist()
    found = get_numbers(message, field, dtype)
    assert found.dtype == dtype
    assert np.array_equal(found, values)
    found[:1] = 7  # its own memory
    assert list(getattr(message, field)) == values.tolist()


class PlainField:
    """A message whose container has no `__array__`, as in protobuf before 7."""

    def __init__(self, message, field):
        self._message = message
        self.DESCRIPTOR = message.DESCRIPTOR
        self.SerializePartialToString = message.SerializePartialToString
        setattr(self, field, list(getattr(message, field)))


@pytest.mark.parametrize(("cls", "field", "dtype"), FIELDS)
@pytest.mark.parametrize("count", [1, bulk._FEW_FIXED, bulk._FEW_VARINTS + 1])
def test_fields_from_the_wire(cls, field, dtype, count):
    values = (np.random.default_rng(count).standard_normal(count) * 1e6).astype(dtype)
    message = cls(name="n" * 200)
    append_numbers(message, field, values)
    assert np.array_equal(get_numbers(PlainField(message, field), field, dtype), values)


def test_appending_appends():
    message = TensorProto(float_data=[1.0])
    append_numbers(message, "float_data", np.full(300, 2.0))
    append_numbers(message, "float_data", np.full(2, 3.0))
    assert (
        get_numbers(message, "float_data", np.float64).tolist() == [1.0] + [2.0] * 300 + [3.0] * 2
    )


def test_numbers_too_wide_are_cut_as_in_caffe2():
    message = TensorProto(int32_data=[300, -1])
    assert get_numbers(message, "int32_data", np.uint8).tolist() == [44, 255]
    assert get_numbers(message, "int32_data", bool).tolist() == [True, True]


def test_more_than_a_message_can_hold(monkeypatch):
    monkeypatch.setattr(bulk, "MAX_MESSAGE", 1000)
    with pytest.raises(
        FormatError, match=r"300 elements take 1200 bytes in float_data.*store them in segments"
    ):
        append_numbers(TensorProto(), "float_data", np.zeros(300, np.float32))
