"""The messages have the fields of the real Caffe2: caffe2_fields.json was read from its descriptors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

from c2.proto import DATA_TYPES, DEVICE_TYPES, MESSAGES
from c2.proto.caffe2_descriptor import FILES

RECORDED = json.loads((Path(__file__).parent / "caffe2_fields.json").read_text())
Field = descriptor_pb2.FieldDescriptorProto


def found_messages():
    found = {}

    def walk(message, prefix=""):
        found[prefix + message.name] = {f.name: row(f) for f in message.field}
        for nested in message.nested_type:
            walk(nested, prefix + message.name + ".")

    for serialized in FILES:
        for message in descriptor_pb2.FileDescriptorProto.FromString(serialized).message_type:
            walk(message)
    return found


def row(field):
    kind = field.type_name.replace(".caffe2.", "") or Field.Type.Name(field.type)[5:].lower()
    out = [field.number, Field.Label.Name(field.label)[6:].lower(), kind]
    if field.HasField("default_value"):
        out.append("default " + field.default_value)
    if field.options.packed:
        out.append("packed")
    return out


@pytest.mark.parametrize("message", RECORDED["messages"])
def test_fields_equal_those_of_caffe2(message):
    found = found_messages()[message]
    assert found == RECORDED["messages"][message]
    assert list(found) == list(RECORDED["messages"][message])  # the order text is printed in


def test_there_are_no_other_messages():
    assert set(found_messages()) == set(RECORDED["messages"])
    assert set(MESSAGES) == {name for name in RECORDED["messages"] if "." not in name}


def test_enums_equal_those_of_caffe2():
    files = [descriptor_pb2.FileDescriptorProto.FromString(serialized) for serialized in FILES]
    found = {e.name: {v.name: v.number for v in e.value} for f in files for e in f.enum_type}
    for file in files:
        for message in file.message_type:
            for e in message.enum_type:
                found[f"{message.name}.{e.name}"] = {v.name: v.number for v in e.value}
    assert found == RECORDED["enums"]


def test_tables_of_enum_values():
    assert RECORDED["enums"]["TensorProto.DataType"] == DATA_TYPES
    device_types = dict(RECORDED["enums"]["DeviceTypeProto"])
    del device_types["PROTO_COMPILE_TIME_MAX_DEVICE_TYPES"]
    assert {"PROTO_" + name: number for name, number in DEVICE_TYPES.items()} == device_types
    assert DEVICE_TYPES["CUDA"] == 1
