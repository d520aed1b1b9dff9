"""The classes behave as protobuf messages do, whichever protobuf is installed."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from google.protobuf import text_format

import c2.proto
from c2.proto import MESSAGES, Argument, DeviceOption, NetDef, OperatorDef, TensorProto
from c2.proto.classes import add_file

ROOT = Path(__file__).resolve().parents[3]


def small_net() -> NetDef:
    net = NetDef(name="lenet", external_input=["X"])
    op = net.op.add(type="Conv", input=["X", "w"], output=["Y"])
    op.device_option.device_type = 1
    op.arg.add(name="kernel", i=-5)
    op.arg.add(name="scales", floats=[0.5, -2.0])
    op.arg.add(name="order", s=b"NC\x00\xff")
    return net


def test_bytes_are_those_of_the_format():
    # Written by hand from the protobuf encoding: tag = number << 3 | wire type.
    expected = (
        b"\x0a\x05lenet"
        b"\x12\x4b"
        b"\x0a\x01X\x0a\x01w\x12\x01Y\x22\x04Conv"
        b"\x2a\x13\x0a\x06kernel\x18\xfb\xff\xff\xff\xff\xff\xff\xff\xff\x01"
        b"\x2a\x12\x0a\x06scales\x2d\x00\x00\x00\x3f\x2d\x00\x00\x00\xc0"
        b"\x2a\x0d\x0a\x05order\x22\x04NC\x00\xff"
        b"\x32\x02\x08\x01"
        b"\x3a\x01X"
    )
    assert small_net().SerializeToString() == expected
    assert NetDef.FromString(expected) == small_net()


def test_packed_fields_are_packed():
    tensor = TensorProto(dims=[2], float_data=[1.0, 2.0])
    assert tensor.SerializeToString() == b"\x08\x02\x1a\x08\x00\x00\x80\x3f\x00\x00\x00\x40"


def test_unknown_fields_survive():
    unknown = b"\xc2\x3e\x03abc"  # field 1000
    data = small_net().SerializeToString() + unknown
    assert NetDef.FromString(data).SerializeToString() == data


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_copies_and_pickles(again):
    for message in [small_net(), TensorProto.Segment(begin=3, end=5), DeviceOption()]:
        copied = again(message)
        assert copied == message
        assert copied is not message
        assert type(copied) is type(message)


def test_incomplete_messages_pickle():
    tensor = TensorProto()
    tensor.segment.begin = 3  # `end` is required and missing
    assert pickle.loads(pickle.dumps(tensor)) == tensor


def test_text_form():
    net = small_net()
    text = text_format.MessageToString(net)
    assert 'type: "Conv"' in text
    assert text_format.Parse(text, NetDef()) == net


def test_every_class_is_reachable_by_its_name():
    for name, cls in MESSAGES.items():
        assert getattr(c2.proto, name) is cls
        assert (cls.__module__, cls.__qualname__, cls.DESCRIPTOR.name) == ("c2.proto", name, name)
        assert name in c2.proto.__all__
    assert repr(TensorProto.Segment) == "<class 'c2.proto.TensorProto.Segment'>"


def test_classes_of_fields_are_the_same_classes():
    net = small_net()
    assert type(net.op[0]) is OperatorDef
    assert type(net.op[0].arg[0]) is Argument
    assert type(TensorProto().segment) is TensorProto.Segment


def test_enum_values_are_on_the_class():
    assert TensorProto.FLOAT16 == 12
    assert TensorProto.DataType.Name(13) == "DOUBLE"
    assert TensorProto.FMT_BFLOAT16 == 1
    assert TensorProto().data_type == TensorProto.FLOAT  # the default


def test_a_further_file_can_use_the_messages():
    from google.protobuf import descriptor_pb2

    file = descriptor_pb2.FileDescriptorProto(name="test/extra.proto", package="test.extra")
    file.dependency.append("c2/proto/caffe2.proto")
    field = file.message_type.add(name="TwoNets").field.add(name="net", number=1)
    field.label, field.type = field.LABEL_REPEATED, field.TYPE_MESSAGE
    field.type_name = ".caffe2.NetDef"
    made = add_file(file.SerializeToString())["TwoNets"](net=[small_net()])
    assert type(made.net[0]) is NetDef
    assert pickle.loads(pickle.dumps(made)) == made


def run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_same_names_in_protobufs_own_pool_do_no_harm():
    """A real Caffe2 registers caffe2.NetDef in the default pool; both must work in one process."""
    run(
        """
        from google.protobuf import descriptor_pb2, descriptor_pool
        theirs = descriptor_pb2.FileDescriptorProto(name="caffe2/proto/caffe2.proto", package="caffe2")
        field = theirs.message_type.add(name="NetDef").field.add(name="title", number=1)
        field.label, field.type = field.LABEL_OPTIONAL, field.TYPE_STRING
        descriptor_pool.Default().AddSerializedFile(theirs.SerializeToString())
        from c2.proto import NetDef
        default = descriptor_pool.Default().FindMessageTypeByName("caffe2.NetDef")
        assert [f.name for f in default.fields] == ["title"]
        assert NetDef(name="n").SerializeToString() == b"\\n\\x01n"
        """
    )


def test_pure_python_protobuf_reads_and_writes_the_same():
    printed = run(
        """
        import pickle, sys
        from google.protobuf.internal import api_implementation
        from c2.proto import NetDef, TensorProto
        assert api_implementation.Type() == "python"
        net = NetDef.FromString(bytes.fromhex(sys.stdin.read() or DATA))
        assert pickle.loads(pickle.dumps(net)) == net
        assert TensorProto.Segment(begin=1, end=2).end == 2
        print(net.SerializeToString().hex())
        """.replace("sys.stdin.read() or DATA", repr(small_net().SerializeToString().hex())),
        PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION="python",
    )
    assert bytes.fromhex(printed) == small_net().SerializeToString()


def test_generated_files_are_up_to_date():
    pytest.importorskip("grpc_tools", reason="grpcio-tools makes the descriptors")
    script = ROOT / "packages" / "c2-core" / "generate_proto.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"run generate_proto.py: {done.stdout}{done.stderr}"


def test_import_is_light():
    """The messages alone need neither NumPy nor protobuf's larger modules."""
    run(
        """
        import sys
        import c2.proto
        heavy = {"numpy", "google.protobuf.json_format", "c2.serialize"} & set(sys.modules)
        assert not heavy, heavy
        """
    )
