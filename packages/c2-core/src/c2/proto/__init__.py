"""The messages of Caffe2: nets, operators, arguments, tensors, blobs, plans.

    from c2.proto import NetDef, OperatorDef

They are ordinary protobuf messages (copy, compare, pickle, print) that read and write the bytes of
Caffe2. Files are the business of c2.serialize.
"""

from __future__ import annotations

from c2.proto.classes import (
    MESSAGES,
    AOTConfig,
    Argument,
    BackendOptions,
    BlobProto,
    BlobSerializationOptions,
    BlobsMap,
    DBReaderProto,
    DeviceOption,
    ExecutionStep,
    MapFieldEntry,
    MetaNetDef,
    ModelInfo,
    NetDef,
    NetsMap,
    OperatorDef,
    PartitionInfo,
    PlanDef,
    PlansMap,
    QTensorProto,
    SerializationOptions,
    StringMap,
    TensorBoundShape,
    TensorBoundShapes,
    TensorProto,
    TensorProtos,
    TensorShape,
    TensorShapes,
    enum_values,
)

DEVICE_TYPES: dict[str, int] = {
    name.removeprefix("PROTO_"): number
    for name, number in enum_values("DeviceTypeProto").items()
    if name != "PROTO_COMPILE_TIME_MAX_DEVICE_TYPES"
}
"""Numbers for DeviceOption.device_type by name: CPU, CUDA, MKLDNN, ..."""

DATA_TYPES: dict[str, int] = enum_values("TensorProto.DataType")
"""Numbers for TensorProto.data_type by name: FLOAT, INT32, STRING, ..."""

__all__ = [
    "DATA_TYPES",
    "DEVICE_TYPES",
    "MESSAGES",
    "AOTConfig",
    "Argument",
    "BackendOptions",
    "BlobProto",
    "BlobSerializationOptions",
    "BlobsMap",
    "DBReaderProto",
    "DeviceOption",
    "ExecutionStep",
    "MapFieldEntry",
    "MetaNetDef",
    "ModelInfo",
    "NetDef",
    "NetsMap",
    "OperatorDef",
    "PartitionInfo",
    "PlanDef",
    "PlansMap",
    "QTensorProto",
    "SerializationOptions",
    "StringMap",
    "TensorBoundShape",
    "TensorBoundShapes",
    "TensorProto",
    "TensorProtos",
    "TensorShape",
    "TensorShapes",
]
