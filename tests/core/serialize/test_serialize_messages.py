"""Reading and writing messages, and telling apart what is not the message that was asked for."""

from __future__ import annotations

import os

import pytest

from c2.errors import FormatError, MemoryBudgetError
from c2.proto import (
    BlobProto,
    DBReaderProto,
    DeviceOption,
    MetaNetDef,
    NetDef,
    OperatorDef,
    PlanDef,
    TensorProto,
    TensorProtos,
)
from c2.serialize import messages
from c2.serialize.messages import (
    load_message,
    load_net,
    message_bytes,
    message_text,
    parse_message,
    parse_text,
    save_message,
)


@pytest.fixture
def net():
    net = NetDef(name="lenet", external_input=["X"])
    for k in range(5):
        op = net.op.add(type="Conv", name=f"conv{k}", input=["X", "w"], output=["Y"])
        op.arg.add(name="kernel", i=3)
        op.arg.add(name="order", s=b"\x00\xff")
    return net


TENSOR = TensorProto(name="w", dims=[2], float_data=[1.0, 2.0])
OPERATOR = OperatorDef(type="Relu", input=["X"], output=["Y"])
SMALL_NET = NetDef(op=[OPERATOR])
OTHERS = [
    SMALL_NET,
    OPERATOR,
    TENSOR,
    TensorProtos(protos=[TENSOR, TENSOR]),
    BlobProto(name="w", type="Tensor", tensor=TENSOR),
    PlanDef(name="plan", network=[SMALL_NET], execution_step=[{"name": "step", "network": ["n"]}]),
    MetaNetDef(nets=[{"key": "PREDICT_NET", "value": SMALL_NET}]),
]


@pytest.mark.parametrize("name", ["net.pb", "net.pbtxt", "net.PROTOTXT", "net"])
def test_save_and_load(tmp_path, net, name):
    path = tmp_path / name
    save_message(net, path)
    is_text = name not in ("net.pb", "net")
    assert path.read_bytes().startswith(b'name: "lenet"' if is_text else b"\x0a\x05lenet")
    assert load_net(path) == net
    assert os.listdir(tmp_path) == [name]


def test_content_decides_not_the_name(tmp_path, net):
    save_message(net, tmp_path / "net.pb", text=True)
    save_message(net, tmp_path / "net.pbtxt", text=False)
    assert load_net(tmp_path / "net.pb") == load_net(tmp_path / "net.pbtxt") == net


def test_binary_that_looks_like_text(tmp_path):
    """A name of 32 letters makes the length byte a blank, so no byte is a control character."""
    data = NetDef(name="n" * 32).SerializeToString()
    assert data == b"\n " + b"n" * 32
    (tmp_path / "net.pb").write_bytes(data)
    assert load_net(tmp_path / "net.pb").name == "n" * 32


def test_byte_order_mark_and_old_spelling(tmp_path):
    text = (
        '\ufeffname: "cuda_gpu_id: 1 device_type: CUDA"  # device_type: CUDA\n'
        "op { type: 'Relu' device_option { device_type: CUDA cuda_gpu_id: 3 } }\n"
        "op { device_option { device_type: PROTO_OPENGL } }"
        "op { device_option { device_type: 5 device_id: 1 } }"
    )
    (tmp_path / "net.pbtxt").write_text(text, "utf-8")
    net = load_net(tmp_path / "net.pbtxt")
    assert net.name == "cuda_gpu_id: 1 device_type: CUDA"
    devices = [(op.device_option.device_type, op.device_option.device_id) for op in net.op]
    assert devices == [(1, 3), (3, 0), (5, 1)]


def test_unknown_fields_are_kept_in_binary_and_not_dropped_in_text(tmp_path, net):
    inner = OPERATOR.SerializeToString() + b"\xc2\x3e\x03abc"
    net.ClearField("external_input")
    data = net.SerializeToString() + b"\x12" + bytes([len(inner)]) + inner
    found = parse_message(data, NetDef)
    assert message_bytes(found) == data
    with pytest.raises(FormatError, match=r"holds fields that c2 does not know.*save it as binary"):
        save_message(found, tmp_path / "net.pbtxt")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("given", OTHERS, ids=lambda m: m.DESCRIPTOR.name)
@pytest.mark.parametrize("asked", {type(m): 0 for m in OTHERS}, ids=lambda c: c.DESCRIPTOR.name)
def test_another_message_is_named(given, asked):
    data = given.SerializeToString()
    if asked is type(given):
        assert parse_message(data, asked) == given
        return
    name = given.DESCRIPTOR.name
    with pytest.raises(FormatError) as error:
        parse_message(data, asked, "model.pb")
    assert str(error.value) == (
        f"model.pb: expected the message {asked.DESCRIPTOR.name}, got the message {name}; read it as c2.proto.{name}"
    )


def test_small_and_unusual_messages_are_accepted():
    for message in [
        NetDef(name="empty"),
        NetDef(op=[OperatorDef()]),
        DeviceOption(device_id=1),
        TensorProto(name="no data yet"),
        TensorProtos(protos=[TensorProto(dims=[0])]),
        PlanDef(name="p"),
        DBReaderProto(name="n", source="s", db_type="minidb", key="k"),
        MetaNetDef(blobsOrder=["x"]),
        BlobProto(name="s", type="std::string", content=b"abc"),
    ]:
        assert parse_message(message.SerializeToString(), type(message)) == message


FOREIGN = [
    (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 5151\n",
        "Git LFS pointer.*git lfs pull",
    ),
    (b"<!DOCTYPE html>\n<html></html>", "an HTML page; the download failed"),
    (b"\n  <HTML><body>404", "an HTML page"),
    (b"<?xml version='1.0'?>", "an XML file"),
    (b"PK\x03\x04\x14\x00", r"a zip archive \(PyTorch"),
    (
        b"\x80\x02}q\x00X\x05\x00\x00\x00stateq\x01.",
        "a Python pickle.*never load a pickle you do not trust",
    ),
    (b"\x1f\x8b\x08\x00\x00", "a gzip file; run `gunzip` first"),
    (b"BZh91AY&SY", "a bzip2 file"),
    (b"\xfd7zXZ\x00\x00", "an xz file"),
    (b"\x28\xb5\x2f\xfd\x04", "a Zstandard file"),
    (b"\x93NUMPY\x01\x00v\x00", "a NumPy .npy file"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\x7fELF\x02\x01", "a program or shared library"),
    (b"\x1c\x00\x00\x00TFL3\x00\x00", "a TensorFlow Lite model"),
    (b"\0" * 16 + b"\xde\xc0\xef\xbe\x01\0\0\0", "an LMDB database"),
    (b'{"nodes": []}', "a JSON file"),
    (b"\0" * 4096, "nothing but zeros"),
    # ModelProto{ir_version: 7, producer_name: "pytorch", graph: {name: "abc", ...}}
    (b"\x08\x07\x12\x07pytorch\x3a\x08\x12\x03abc\x1a\x01d", "an ONNX model; install c2-onnx"),
    # NetParameter{name: "lenet", layer: {name: "ip"}}
    (b"\x0a\x05lenet\xa2\x06\x04\x0a\x02ip", r"a model of Caffe \(the first\)"),
    # GraphDef{node: {name: "x/y", op: "Add"}}
    (b"\x0a\x0a\x0a\x03x/y\x12\x03Add", "a TensorFlow graph"),
]


@pytest.mark.parametrize(("data", "text"), FOREIGN, ids=[text[:20] for _, text in FOREIGN])
def test_other_formats_are_named(tmp_path, data, text):
    expected = r"model\.pb: expected the message NetDef.*, got " + (
        text if text[1] != "i" else ".*" + text
    )
    with pytest.raises(FormatError, match=expected.replace("got Git", "got a Git")):
        parse_message(data, NetDef, "model.pb")
    (tmp_path / "model.pb").write_bytes(data)
    with pytest.raises(FormatError, match=expected.replace("got Git", "got a Git")):
        load_net(tmp_path / "model.pb")


def test_caffe_prototxt_is_named():
    with pytest.raises(
        FormatError, match=r"got a network of Caffe \(the first\); convert the model first"
    ):
        parse_text('name: "LeNet"\nlayer {\n  name: "data"\n}', NetDef)


def test_empty_file(tmp_path):
    (tmp_path / "net.pb").write_bytes(b"")
    with pytest.raises(FormatError, match=r"net\.pb: expected the message NetDef.*got nothing"):
        load_net(tmp_path / "net.pb")
    with pytest.raises(FormatError, match=r"got nothing \(0 bytes\)"):
        parse_message(b"", NetDef)
    with pytest.raises(FormatError, match="as text, got nothing"):
        parse_text(" \n", NetDef)


def test_cut_off(net):
    data = net.SerializeToString()
    start = data.index(b"conv4") - 20
    with pytest.raises(FormatError) as error:
        parse_message(data[:-20], NetDef, "net.pb")
    text = str(error.value)
    assert text.startswith(
        f"net.pb: expected the message NetDef, got {len(data) - 20} bytes that stop being one at byte "
    )
    offset = int(text.partition("at byte ")[2].partition(":")[0])
    assert offset == data.index(b"\x12", start)  # where the last operator begins
    assert "are left. The file is cut off, damaged or of another kind; get it again" in text


def test_text_for_binary_and_binary_for_text(net):
    with pytest.raises(
        FormatError, match="in binary form, got text; use parse_text, or load_message"
    ):
        parse_message(message_text(net).encode(), NetDef)
    with pytest.raises(
        FormatError, match="as text, got binary data; use parse_message, or load_message"
    ):
        parse_text(net.SerializeToString(), NetDef)


def test_text_error_has_line_and_column():
    with pytest.raises(
        FormatError,
        match=r'net\.pbtxt: .*line:column 2:6 : Message type .* has no field named "typ"',
    ):
        parse_text('name: "n"\nop { typ: "Relu" }', NetDef, "net.pbtxt")


def test_required_fields():
    blob = BlobProto(type="Tensor")
    blob.tensor.segment.begin = 1
    with pytest.raises(FormatError, match=r"it lacks the required fields tensor.segment.end"):
        parse_message(blob.SerializePartialToString(), BlobProto)
    with pytest.raises(FormatError, match=r"lacks the required fields tensor.segment.end"):
        parse_text("tensor { segment { begin: 1 } }", BlobProto)
    with pytest.raises(FormatError, match=r"the BlobProto is incomplete: .*tensor.segment.end"):
        message_bytes(blob)


def test_strings_must_be_utf8():
    data = NetDef(op=[OPERATOR]).SerializeToString().replace(b"\x0a\x01X", b"\x0a\x01\xff")
    with pytest.raises(
        FormatError, match=r"net\.pb: .*(op\[0\]\.input.* is not UTF-8|utf-?8|Error parsing)"
    ):
        parse_message(data, NetDef, "net.pb")


def test_only_unknown_fields():
    with pytest.raises(FormatError, match="that are none: it has none of the fields of one"):
        parse_message(b"\xc2\x3e\x03abc", NetDef)


def test_nesting_without_end():
    data = b""
    for _ in range(20_000):
        data = b"\x42" + _varint(len(data)) + data  # Argument.n
        data = b"\x32" + _varint(len(data)) + data  # NetDef.arg
    with pytest.raises(FormatError):
        parse_message(data, NetDef)
    with pytest.raises(FormatError):
        parse_text("arg { n { " * 20_000 + "} } " * 20_000, NetDef)


def _varint(n):
    return bytes([n & 127 | 128]) + _varint(n >> 7) if n > 127 else bytes([n])


def test_file_larger_than_the_budget(tmp_path, net, monkeypatch):
    save_message(net, tmp_path / "net.pb")
    monkeypatch.setenv("C2_MEMORY_BUDGET", "100")
    with pytest.raises(
        MemoryBudgetError,
        match=r"^file .*net\.pb needs \d+ bytes, and the memory budget is 100 bytes",
    ):
        load_net(tmp_path / "net.pb")


def test_message_too_large_for_protobuf(monkeypatch, net):
    monkeypatch.setattr(messages, "MAX_MESSAGE", 10)
    with pytest.raises(
        FormatError, match=r"a NetDef of \d+ bytes cannot be read back: protobuf's limit is 2 GiB"
    ):
        message_bytes(net)


def test_folder_and_missing_file(tmp_path):
    with pytest.raises(FormatError, match="expected a file, got a folder; see load_model"):
        load_net(tmp_path)
    with pytest.raises(FileNotFoundError):
        load_message(tmp_path / "no.pb", OperatorDef)
