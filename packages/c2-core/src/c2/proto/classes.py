"""Build the message classes from their descriptors, whatever protobuf is installed.

The classes live in a descriptor pool of their own, so that c2 and a real Caffe2 (which registers
the same names in protobuf's default pool) can be in one process.
"""

from __future__ import annotations

import copyreg

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from c2.proto.caffe2_descriptor import FILES

_PUBLIC_MODULE = "c2.proto"
_CLASSES: dict[str, type[Message]] = {}  # by full name, nested ones too
_POOL = descriptor_pool.DescriptorPool()
# protobuf 4.22 brought GetMessageClass, and 5.26 took MessageFactory away.
_FACTORY = (
    None if hasattr(message_factory, "GetMessageClass") else message_factory.MessageFactory(_POOL)
)


def add_file(serialized: bytes) -> dict[str, type[Message]]:
    """Build the classes of one serialized FileDescriptorProto; further files may use c2's messages.

    Returns:
        the top-level message classes by name.
    """
    file = _POOL.AddSerializedFile(serialized)
    return {name: _message_class(d) for name, d in file.message_types_by_name.items()}


def enum_values(name: str) -> dict[str, int]:
    """The numbers of an enum by their names, in the order of the .proto file."""
    enum = _POOL.FindEnumTypeByName(f"caffe2.{name}")
    return {value.name: value.number for value in enum.values}


def _message_class(descriptor: Descriptor, prefix: str = "") -> type[Message]:
    if _FACTORY is None:
        made = message_factory.GetMessageClass(descriptor)
    else:
        made = _FACTORY.GetPrototype(descriptor)
    made.__module__ = _PUBLIC_MODULE
    made.__qualname__ = prefix + descriptor.name
    _CLASSES[descriptor.full_name] = made
    copyreg.pickle(made, _reduce)
    for nested in descriptor.nested_types:
        setattr(made, nested.name, _message_class(nested, made.__qualname__ + "."))
    return made


def _reduce(message: Message) -> tuple[object, ...]:
    # protobuf's own way looks for nested classes in its default pool, where these are not.
    return _restore, (type(message).DESCRIPTOR.full_name, message.SerializePartialToString())


def _restore(full_name: str, serialized: bytes) -> Message:
    message = _CLASSES[full_name]()
    message.MergeFromString(serialized)
    return message


MESSAGES: dict[str, type[Message]] = {}
for _serialized in FILES:
    MESSAGES.update(add_file(_serialized))
globals().update(MESSAGES)
