"""The messages of hierarchical softmax: a tree of words, and the path to each word.

    from c2.proto.hsm import TreeProto

They are apart from c2.proto, as three operators alone read them.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2

from c2.proto.classes import add_file

_Field = descriptor_pb2.FieldDescriptorProto

# message -> {field: (number, type, repeated)}; a message's name stands for its type
_MESSAGES: dict[str, dict[str, tuple[int, Any, bool]]] = {
    "NodeProto": {
        "children": (1, "NodeProto", True),
        "word_ids": (2, _Field.TYPE_INT32, True),
        "offset": (3, _Field.TYPE_INT32, False),
        "name": (4, _Field.TYPE_STRING, False),
        "scores": (5, _Field.TYPE_FLOAT, True),
    },
    "TreeProto": {"root_node": (1, "NodeProto", False)},
    "PathNodeProto": {
        "index": (1, _Field.TYPE_INT32, False),
        "length": (2, _Field.TYPE_INT32, False),
        "target": (3, _Field.TYPE_INT32, False),
    },
    "PathProto": {
        "word_id": (1, _Field.TYPE_INT32, False),
        "path_nodes": (2, "PathNodeProto", True),
    },
    "HierarchyProto": {"size": (1, _Field.TYPE_INT32, False), "paths": (2, "PathProto", True)},
}


def _file() -> bytes:
    file = descriptor_pb2.FileDescriptorProto(name="c2/proto/hsm.proto", package="caffe2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, type_, repeated) in fields.items():
            label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, label=label)
            if isinstance(type_, str):
                added.type, added.type_name = _Field.TYPE_MESSAGE, f".caffe2.{type_}"
            else:
                added.type = type_
    return file.SerializeToString()


_classes: dict[str, Any] = dict(add_file(_file()))
NodeProto = _classes["NodeProto"]
TreeProto = _classes["TreeProto"]
PathNodeProto = _classes["PathNodeProto"]
PathProto = _classes["PathProto"]
HierarchyProto = _classes["HierarchyProto"]
