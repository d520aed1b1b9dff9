from __future__ import annotations

import doctest
import itertools
import json

import numpy as np
import pytest

from c2.errors import FormatError, MemoryBudgetError, SchemaError
from c2.proto import BlobProto
from c2.serialize import blobs
from c2.serialize.blobs import (
    BlobAssembler,
    ContentType,
    Int8Tensor,
    serialize_blob,
    split_key,
)


def assemble(entries, **options):
    assembler = BlobAssembler("db", **options)
    for key, value in entries:
        assembler.add(key, value)
    return assembler.finish()


def test_tensor_in_chunks():
    entries = list(serialize_blob("fc_w", np.arange(10.0).reshape(2, 5), chunk_size=4))
    assert [key for key, _ in entries] == ["fc_w#%0", "fc_w#%1", "fc_w#%2"]
    protos = [BlobProto.FromString(value) for _, value in entries]
    assert [p.type for p in protos] == ["Tensor"] * 3
    assert [list(p.tensor.double_data) for p in protos] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [(p.tensor.segment.begin, p.tensor.segment.end) for p in protos] == [
        (0, 4),
        (4, 8),
        (8, 10),
    ]
    assert all(list(p.tensor.dims) == [2, 5] and p.name == p.tensor.name == "fc_w" for p in protos)


@pytest.mark.parametrize(
    ("size", "chunk_size", "chunks"),
    [(0, 4, 1), (4, 4, 1), (5, 4, 2), (5, -1, 1), (5, 0, 1), (1_000_001, 0, 2)],
)
def test_number_of_chunks(size, chunk_size, chunks):
    entries = list(serialize_blob("x", np.zeros(size, np.int8), chunk_size))
    assert len(entries) == chunks
    assert assemble(entries)["x"].shape == (size,)


def test_strings_are_never_cut():
    entries = list(serialize_blob("s", np.array([b"a", b"b", b"c"], object), chunk_size=1))
    assert len(entries) == 1
    assert assemble(entries)["s"].tolist() == [b"a", b"b", b"c"]


def test_single_entry_kinds():
    assert list(serialize_blob("s", "é")) == [
        ("s", BlobProto(name="s", type="std::string", content=b"\xc3\xa9").SerializeToString())
    ]
    ((key, value),) = serialize_blob("q", Int8Tensor(np.array([[3, 255]], np.uint8), 0.5, 3))
    proto = BlobProto.FromString(value)
    assert (key, proto.type, proto.qtensor.scale, proto.qtensor.bias) == (
        "q",
        "Int8TensorCPU",
        0.5,
        3.0,
    )
    found = assemble([(key, value)])["q"]
    assert (found.data.tolist(), found.data.dtype, found.scale, found.zero_point) == (
        [[3, 255]],
        np.uint8,
        0.5,
        3,
    )


def test_every_order_of_chunks_gives_the_tensor():
    array = np.arange(10, dtype=np.int32).reshape(5, 2)
    entries = list(serialize_blob("x", array, chunk_size=3))
    for order in itertools.permutations(entries):
        assert np.array_equal(assemble(order)["x"], array)


def test_blobs_may_be_mixed_and_keep_their_order():
    first = list(serialize_blob("b", np.arange(4), chunk_size=2))
    second = list(serialize_blob("a", np.arange(4.0), chunk_size=2))
    found = assemble([first[1], second[0], *serialize_blob("s", b"text"), first[0], second[1]])
    assert list(found) == ["b", "a", "s"]
    assert found["b"].tolist() == found["a"].tolist() == [0, 1, 2, 3]


def test_is_complete():
    entries = list(serialize_blob("x", np.arange(4), chunk_size=2))
    assembler = BlobAssembler()
    assert not assembler.is_complete("x")
    assembler.add(*entries[1])
    assert not assembler.is_complete("x")
    assembler.add(*entries[0])
    assert assembler.is_complete("x")


def test_scalar_and_bfloat16():
    assert assemble(serialize_blob("x", np.array(3.5)))["x"].shape == ()
    (entry,) = serialize_blob("x", np.array([1.0, 1.001], np.float32), bfloat16=True)
    assert assemble([entry])["x"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("drop", "text"),
    [
        (0, "db: blob 'x': elements 0 to 2 of 5 are missing"),
        (
            1,
            "elements 2 to 4 of 5 are missing; the database was not written to its end, or chunks were taken out",
        ),
        (2, "elements 4 to 5 of 5 are missing"),
    ],
)
def test_missing_chunk(drop, text):
    entries = list(serialize_blob("x", np.arange(5), chunk_size=2))
    del entries[drop]
    with pytest.raises(FormatError, match=text):
        assemble(entries)


@pytest.mark.parametrize("doubled", [0, 1])
def test_doubled_chunk(doubled):
    entries = list(serialize_blob("x", np.arange(4), chunk_size=2))
    with pytest.raises(
        FormatError, match=r"blob 'x' .*elements [02] to [24] came before; a chunk is doubled"
    ):
        assemble([*entries, entries[doubled]])


def test_overlapping_chunks():
    small = list(serialize_blob("x", np.arange(6), chunk_size=2))
    large = list(serialize_blob("x", np.arange(6), chunk_size=3))
    for entries in (
        [small[0], large[0]],
        [small[1], large[0]],
        [large[0], small[1]],
        [large[1], small[1]],
    ):
        with pytest.raises(FormatError, match="a chunk is doubled"):
            assemble(entries)


def test_chunks_of_two_blobs():
    one = list(serialize_blob("x", np.arange(4), chunk_size=2))
    for other in (np.arange(6), np.arange(4.0)):
        two = list(serialize_blob("x", other, chunk_size=2))
        with pytest.raises(
            FormatError,
            match=r"expected a chunk of int64 \(4,\) like the first, got .* not of one blob",
        ):
            assemble([one[0], two[1]])


def test_blob_twice():
    string, tensor = list(serialize_blob("x", b"text")), list(serialize_blob("x", np.zeros(2)))
    for entries in (string + string, string + tensor, tensor + string):
        with pytest.raises(FormatError, match="the blob is there already"):
            assemble(entries)


def test_budget_counts_all_blobs():
    entries = [entry for name in "abc" for entry in serialize_blob(name, np.zeros(10))]
    assert len(assemble(entries, budget=240)) == 3
    with pytest.raises(
        MemoryBudgetError, match=r"blob 'c' .* with the blobs before it needs 240 bytes"
    ):
        assemble(entries, budget=239)


def test_a_chunk_that_claims_a_huge_tensor_allocates_nothing():
    blob = BlobProto(type="Tensor")
    blob.tensor.dims.extend([1 << 50])
    blob.tensor.float_data.append(1.0)
    blob.tensor.segment.begin, blob.tensor.segment.end = 0, 1
    with pytest.raises(MemoryBudgetError, match=r"needs 4.5 PB"):
        assemble([("x#%0", blob.SerializeToString())])


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"data_type": 1}, "data_type must be UINT8 or INT32, got 1"),
        ({"is_multiparam": True}, "expected one scale for the tensor, got one per slice"),
        ({"scale": float("nan")}, "expected a finite scale and a whole zero point, got scale nan"),
        (
            {"bias": 0.5},
            "expected a finite scale and a whole zero point, got scale 0.5 and bias 0.5",
        ),
        ({"dims": [3]}, "expected 3 elements, got 2; damaged"),
        ({"dims": [-1]}, "expected dims of 0 or more"),
    ],
)
def test_damaged_int8_tensor(changed, text):
    ((key, value),) = serialize_blob("q", Int8Tensor(np.zeros(2, np.int32), 0.5, 3))
    blob = BlobProto.FromString(value)
    if "dims" in changed:
        del blob.qtensor.dims[:]
    blob.qtensor.MergeFrom(type(blob.qtensor)(**changed))
    with pytest.raises(FormatError, match=r"db: blob 'q' \(key 'q'\): " + text):
        assemble([(key, blob.SerializeToString())])


def test_kinds_without_a_stored_form():
    with pytest.raises(
        SchemaError, match="blob 'x' is a dict and cannot be stored; expected one of array, bytes"
    ):
        serialize_blob("x", {})
    with pytest.raises(SchemaError, match="expected uint8 or int32 data, got float64"):
        serialize_blob("x", Int8Tensor(np.zeros(2), 1.0, 0))
    data = BlobProto(type="std::unique_ptr<caffe2::Counter>", content=b"3").SerializeToString()
    with pytest.raises(
        FormatError, match="type 'std::unique_ptr<caffe2::Counter>' cannot be read; c2 reads Tensor"
    ):
        assemble([("x", data)])


def test_further_kinds():
    kind = ContentType("test::Json", dict, lambda v: json.dumps(v).encode(), json.loads)
    types = {kind.name: kind}
    entries = list(serialize_blob("x", {"a": 1}, content_types=types))
    assert assemble(entries, content_types=types) == {"x": {"a": 1}}


def test_keys():
    assert split_key("a#%0") == ("a", 0)
    assert split_key("a#%b#%12") == ("a#%b", 12)
    assert split_key("a#%") == ("a#%", None)
    assert split_key("a#%-1") == ("a#%-1", None)


def test_examples():
    assert doctest.testmod(blobs).failed == 0
