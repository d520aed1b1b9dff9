"""Write what the build makes of the .proto files: the descriptors and the type stub.

    python generate_proto.py            write both files
    python generate_proto.py --check    write nothing; exit 1 where a file is not what it should be

Needs grpcio-tools (its protoc); c2 itself does not. No code is generated: c2.proto builds its
classes from the descriptors with whatever protobuf is installed, so one wheel serves protobuf 3.19
and every later version.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path

from google.protobuf import descriptor_pb2

SOURCE = Path(__file__).parent / "src"
PROTO = SOURCE / "c2" / "proto"
FILES = ("c2/proto/caffe2.proto", "c2/proto/metanet.proto")

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    **dict.fromkeys((_Field.TYPE_FLOAT, _Field.TYPE_DOUBLE), "float"),
    **dict.fromkeys((_Field.TYPE_INT32, _Field.TYPE_INT64, _Field.TYPE_UINT32), "int"),
    _Field.TYPE_ENUM: "int",
    _Field.TYPE_BOOL: "bool",
    _Field.TYPE_STRING: "str",
    _Field.TYPE_BYTES: "bytes",
}


def compile_files() -> list[descriptor_pb2.FileDescriptorProto]:
    """The parsed .proto files, in the order of FILES."""
    well_known = resources.files("grpc_tools") / "_proto"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set.pb"
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{SOURCE}", f"-I{well_known}"]
        subprocess.run([*command, f"--descriptor_set_out={out}", *FILES], check=True)
        found = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    return list(found.file)


def descriptor_module(files: list[descriptor_pb2.FileDescriptorProto]) -> str:
    """The text of caffe2_descriptor.py."""
    lines = ['"""Descriptors of the .proto files beside it; made by generate_proto.py."""', ""]
    lines.append("FILES: tuple[bytes, ...] = (")
    for file in files:
        data = file.SerializeToString(deterministic=True)
        lines += [f"    # {file.name}", "    b''"]
        lines += [f"    {data[i : i + 60]!r}" for i in range(0, len(data), 60)]
        lines[-1] += ","
    return "\n".join([*lines, ")", ""])


def stub(files: list[descriptor_pb2.FileDescriptorProto]) -> str:
    """The text of classes.pyi: the message classes as a type checker sees them."""
    lines = [
        "# The message classes as a type checker sees them; made by generate_proto.py.",
        "from typing import Any",
        "",
        "from google.protobuf.descriptor import Descriptor",
        "from google.protobuf.internal.containers import (",
        "    RepeatedCompositeFieldContainer,",
        "    RepeatedScalarFieldContainer,",
        ")",
        "from google.protobuf.message import Message",
        "",
        "MESSAGES: dict[str, type[Message]]",
        "",
        "def add_file(serialized: bytes) -> dict[str, type[Message]]: ...",
        "def enum_values(name: str) -> dict[str, int]: ...",
    ]
    for file in files:
        for message in file.message_type:
            lines += ["", *_class_lines(message, "")]
    return "\n".join([*lines, ""])


def _class_lines(message: descriptor_pb2.DescriptorProto, indent: str) -> list[str]:
    lines = [f"{indent}class {message.name}(Message):"]
    indent += "    "
    lines.append(f"{indent}DESCRIPTOR: Descriptor")
    for enum in message.enum_type:
        lines += [f"{indent}{value.name}: int" for value in enum.value]
    for nested in message.nested_type:
        lines += [*_class_lines(nested, indent), ""]
    for field in message.field:
        lines += _field_lines(field, indent)
    return [*lines, f"{indent}def __init__(self, **fields: Any) -> None: ..."]


def _field_lines(field: descriptor_pb2.FieldDescriptorProto, indent: str) -> list[str]:
    is_message = field.type == _Field.TYPE_MESSAGE
    kind = field.type_name.removeprefix(".caffe2.") if is_message else _SCALARS[field.type]
    if field.label == _Field.LABEL_REPEATED:
        container = "Composite" if is_message else "Scalar"
        return [f"{indent}{field.name}: Repeated{container}FieldContainer[{kind}]"]
    if is_message:  # cannot be assigned, only changed in place
        return [f"{indent}@property", f"{indent}def {field.name}(self) -> {kind}: ..."]
    return [f"{indent}{field.name}: {kind}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, compare only")
    check = parser.parse_args().check
    files = compile_files()
    made = {
        PROTO / "caffe2_descriptor.py": descriptor_module(files),
        PROTO / "classes.pyi": stub(files),
    }
    stale = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        print(("differs: " if check else "written: ") + path.name)
        if not check:
            path.write_text(made[path])
    return 1 if check and stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
