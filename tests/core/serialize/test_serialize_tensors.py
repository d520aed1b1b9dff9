"""TensorProtos written by hand from the format, read as arrays, and back."""

from __future__ import annotations

import doctest
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2.errors import FormatError, MemoryBudgetError, SchemaError
from c2.proto import DATA_TYPES, TensorProto
from c2.serialize import tensors
from c2.serialize.tensors import data_type_of, numpy_dtype, tensor_from_proto, tensor_to_proto

ARRAYS = {
    "FLOAT": (np.array([1.5, -2, np.inf], np.float32), {"float_data": [1.5, -2.0, np.inf]}),
    "DOUBLE": (np.array([0.1, -0.0]), {"double_data": [0.1, -0.0]}),
    "INT64": (np.array([1, -(2**63)]), {"int64_data": [1, -(2**63)]}),
    "INT32": (np.array([1, -(2**31)], np.int32), {"int32_data": [1, -(2**31)]}),
    "INT16": (np.array([1, -2], np.int16), {"int32_data": [1, -2]}),
    "UINT16": (np.array([1, 65535], np.uint16), {"int32_data": [1, 65535]}),
    "INT8": (np.array([1, -2], np.int8), {"int32_data": [1, -2]}),
    "UINT8": (np.array([1, 255], np.uint8), {"int32_data": [1, 255]}),
    "BOOL": (np.array([True, False]), {"int32_data": [1, 0]}),
    "FLOAT16": (np.array([1.5, -2], np.float16), {"int32_data": [0x3E00, 0xC000]}),
    "STRING": (np.array([b"a", b"b\0"], object), {"string_data": [b"a", b"b\0"]}),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_every_data_type(name):
    array, stored = ARRAYS[name]
    expected = TensorProto(dims=array.shape, data_type=DATA_TYPES[name], name="x", **stored)
    assert tensor_to_proto(array, "x") == expected
    found = tensor_from_proto(expected)
    assert found.dtype == array.dtype
    assert (
        found.tobytes() == array.tobytes() if name != "STRING" else found.tolist() == array.tolist()
    )
    assert found.flags.writeable
    assert numpy_dtype(DATA_TYPES[name]) == array.dtype
    assert data_type_of(array.dtype) == DATA_TYPES[name]


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1,), (2, 3, 4), (70, 80)])
@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "bool", "object", "int64"])
def test_shapes(shape, dtype):
    array = (
        np.random.default_rng(0).integers(0, 2, shape).astype("S1" if dtype == "object" else dtype)
    )
    found = tensor_from_proto(tensor_to_proto(array))
    assert found.shape == shape
    assert found.dtype == dtype
    assert np.array_equal(found.astype(array.dtype), array)


def test_strided_and_byte_swapped_arrays():
    array = np.arange(600, dtype=np.float32).reshape(20, 30)
    for given_array in (array.T[::2], array.astype(">f4")):
        found = tensor_from_proto(tensor_to_proto(given_array))
        assert np.array_equal(found, given_array)
        assert found.dtype == np.dtype("=f4")


def test_unicode_is_stored_as_utf8():
    assert list(tensor_to_proto(np.array(["é", "b"])).string_data) == [b"\xc3\xa9", b"b"]
    assert list(tensor_to_proto(np.array([b"a", "é"], object)).string_data) == [b"a", b"\xc3\xa9"]


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("BYTE", b"\x01\xff", np.array([1, 255], np.uint8)),
        ("UINT8", b"\x01\xff", np.array([1, 255], np.uint8)),
        ("INT8", b"\x01\xff", np.array([1, -1], np.int8)),
        ("BOOL", b"\x01\x00", np.array([True, False])),
        ("INT16", b"\x01\x00\xff\xff", np.array([1, -1], np.int16)),
        ("UINT16", b"\x01\x00\xff\xff", np.array([1, 65535], np.uint16)),
        ("FLOAT16", b"\x00\x3e\x00\xc0", np.array([1.5, -2], np.float16)),
    ],
)
def test_byte_data(name, data, expected):
    found = tensor_from_proto(TensorProto(dims=[2], data_type=DATA_TYPES[name], byte_data=data))
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)
    found[0] = 0  # its own memory


def test_bfloat16():
    proto = TensorProto(dims=[2], data_format=1, raw_data=b"\xa0\x40\x20\xc0")
    assert tensor_from_proto(proto).tolist() == [5.0, -2.5]
    assert tensor_to_proto(np.array([5, -2.5], np.float32), bfloat16=True) == TensorProto(
        dims=[2], data_type=1, data_format=1, raw_data=b"\xa0\x40\x20\xc0"
    )


@given(st.lists(st.floats(width=32), min_size=1))
@settings(deadline=None)
def test_bfloat16_is_the_nearest(values):
    array = np.array(values, np.float32)
    found = tensor_from_proto(tensor_to_proto(array, bfloat16=True))
    assert np.array_equal(np.isnan(found), np.isnan(array))
    for x, y in zip(array.tolist(), found.tolist(), strict=True):
        if np.isfinite(y):
            step = 2.0 ** (max(np.frexp(x)[1], -125) - 8)  # 8 significant bits
            assert abs(x - y) <= step / 2
    assert not (found.view(np.uint32) & 0xFFFF).any()


def test_segments():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    proto = tensor_to_proto(array, begin=2, end=5)
    assert list(proto.dims) == [2, 3]
    assert list(proto.float_data) == [2.0, 3.0, 4.0]
    assert (proto.segment.begin, proto.segment.end) == (2, 5)
    with pytest.raises(
        FormatError, match=r"tensor: expected all 6 elements, got the chunk 2 to 5; join"
    ):
        tensor_from_proto(proto)
    whole = tensor_to_proto(array, begin=0)
    assert whole.HasField("segment")
    assert np.array_equal(tensor_from_proto(whole), array)
    for begin, end in [(-1, 2), (3, 2), (0, 7)]:
        with pytest.raises(SchemaError, match=r"expected 0 <= begin <= end <= 6, got"):
            tensor_to_proto(array, "w", begin, end)


def test_dtypes_caffe2_does_not_have():
    with pytest.raises(
        SchemaError,
        match=r"Caffe2 has no tensors of uint32; expected one of float32, .*; use astype",
    ):
        tensor_to_proto(np.zeros(2, np.uint32))
    with pytest.raises(
        SchemaError, match="tensor of strings must hold str or bytes only, got int 3"
    ):
        tensor_to_proto(np.array([3], object))


DAMAGED = [
    ({"dims": [-1], "float_data": [1.0]}, r"expected dims of 0 or more, got \(-1,\)"),
    ({"dims": [2**62, 2**62]}, "are more elements than there can be"),
    ({"dims": [2**61, 0]}, "are more elements than there can be"),
    ({"dims": [1] * 33, "float_data": [1.0]}, "expected at most 32 dims, got 33"),
    (
        {"dims": [3], "float_data": [1.0, 2.0]},
        r"w' float32 \(3,\): expected 3 elements, got 2; the file is damaged",
    ),
    ({"dims": [1], "float_data": [1.0, 2.0]}, "expected 1 elements, got 2"),
    ({"dims": [2], "int32_data": [1, 2]}, "expected 2 elements, got 0"),
    ({}, r"float32 \(\): expected 1 elements, got 0"),
    (
        {"dims": [2], "data_type": 0, "int32_data": [1, 2]},
        r"data_type 0 \(UNDEFINED\) is no array; expected one of FLOAT",
    ),
    ({"dims": [1], "data_type": 14}, r"data_type 14 \(ZERO_COLLISION_HASH\) is no array"),
    ({"dims": [2], "data_type": 3, "int32_data": [1, 2]}, "expected 2 elements, got 0"),
    ({"dims": [2], "data_type": 9, "byte_data": b"abc"}, "expected a multiple of 2 bytes, got 3"),
    ({"dims": [2], "data_type": 4, "string_data": [b"a"]}, "expected 2 elements, got 1"),
    (
        {"dims": [2], "data_format": 7, "float_data": [1.0, 2.0]},
        "data_format must be 0 or 1, got 7",
    ),
    (
        {"dims": [2], "data_format": 1, "data_type": 13, "raw_data": b"abcd"},
        "bfloat16 is for float32, got float64",
    ),
    ({"dims": [2], "data_format": 1, "raw_data": b"abc"}, "expected a multiple of 2 bytes, got 3"),
    (
        {"dims": [4], "segment": {"begin": 3, "end": 5}},
        "expected a segment within 0 to 4, got 3 to 5",
    ),
    (
        {"dims": [4], "segment": {"begin": 3, "end": 2}},
        "expected a segment within 0 to 4, got 3 to 2",
    ),
]


@pytest.mark.parametrize(("fields", "text"), DAMAGED)
def test_damage(fields, text):
    with pytest.raises(FormatError, match=text):
        tensor_from_proto(TensorProto(name="w", **fields))


def test_budget_is_asked_before_anything_is_allocated():
    proto = TensorProto(name="w", dims=[2**20, 2**20], float_data=[1.0])
    with pytest.raises(
        MemoryBudgetError, match=r"^tensor 'w' float32 \(1048576, 1048576\) needs 4.4 TB"
    ):
        tensor_from_proto(proto)
    with pytest.raises(
        MemoryBudgetError, match="needs 12 bytes, and the memory budget is 11 bytes"
    ):
        tensor_from_proto(tensor_to_proto(np.zeros(3, np.float32)), budget=11)
    strings = tensor_to_proto(np.array([b"a" * 100], object))
    with pytest.raises(MemoryBudgetError, match="needs 108 bytes"):
        tensor_from_proto(strings, budget=107)


def test_source_names_the_tensor():
    with pytest.raises(FormatError, match=r"^a.pb: blob 'x' float32"):
        tensor_from_proto(TensorProto(name="w", dims=[1]), source="a.pb: blob 'x'")


def test_wire_form_of_a_large_tensor():
    """The bulk way gives the bytes protobuf gives: one packed field."""
    values = np.arange(1000, dtype=np.float32)
    data = tensor_to_proto(values).SerializeToString()
    assert data == b"\x08\xe8\x07\x10\x01\x1a\xa0\x1f" + struct.pack("<1000f", *values.tolist())


def test_examples():
    assert doctest.testmod(tensors).failed == 0
