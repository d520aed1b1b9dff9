# The message classes as a type checker sees them; made by generate_proto.py.
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.internal.containers import (
    RepeatedCompositeFieldContainer,
    RepeatedScalarFieldContainer,
)
from google.protobuf.message import Message

MESSAGES: dict[str, type[Message]]

def add_file(serialized: bytes) -> dict[str, type[Message]]: ...
def enum_values(name: str) -> dict[str, int]: ...

class TensorProto(Message):
    DESCRIPTOR: Descriptor
    UNDEFINED: int
    FLOAT: int
    INT32: int
    BYTE: int
    STRING: int
    BOOL: int
    UINT8: int
    INT8: int
    UINT16: int
    INT16: int
    INT64: int
    FLOAT16: int
    DOUBLE: int
    ZERO_COLLISION_HASH: int
    REBATCHING_BUFFER: int
    FMT_PROTOBUF: int
    FMT_BFLOAT16: int
    class Segment(Message):
        DESCRIPTOR: Descriptor
        begin: int
        end: int
        def __init__(self, **fields: Any) -> None: ...

    dims: RepeatedScalarFieldContainer[int]
    data_type: int
    data_format: int
    float_data: RepeatedScalarFieldContainer[float]
    int32_data: RepeatedScalarFieldContainer[int]
    byte_data: bytes
    string_data: RepeatedScalarFieldContainer[bytes]
    double_data: RepeatedScalarFieldContainer[float]
    int64_data: RepeatedScalarFieldContainer[int]
    raw_data: bytes
    name: str
    @property
    def device_detail(self) -> DeviceOption: ...
    @property
    def segment(self) -> TensorProto.Segment: ...
    def __init__(self, **fields: Any) -> None: ...

class QTensorProto(Message):
    DESCRIPTOR: Descriptor
    dims: RepeatedScalarFieldContainer[int]
    precision: int
    scale: float
    bias: float
    is_signed: bool
    data: RepeatedScalarFieldContainer[int]
    name: str
    data_type: int
    scales: RepeatedScalarFieldContainer[float]
    biases: RepeatedScalarFieldContainer[float]
    axis: int
    is_multiparam: bool
    def __init__(self, **fields: Any) -> None: ...

class TensorProtos(Message):
    DESCRIPTOR: Descriptor
    protos: RepeatedCompositeFieldContainer[TensorProto]
    def __init__(self, **fields: Any) -> None: ...

class TensorShape(Message):
    DESCRIPTOR: Descriptor
    dims: RepeatedScalarFieldContainer[int]
    data_type: int
    unknown_dims: RepeatedScalarFieldContainer[int]
    unknown_shape: bool
    name: str
    def __init__(self, **fields: Any) -> None: ...

class TensorShapes(Message):
    DESCRIPTOR: Descriptor
    shapes: RepeatedCompositeFieldContainer[TensorShape]
    def __init__(self, **fields: Any) -> None: ...

class TensorBoundShape(Message):
    DESCRIPTOR: Descriptor
    UNKNOWN: int
    CONSTANT: int
    BATCH: int
    BATCH_OF_FEATURE_MAX: int
    BATCH_OF_FEATURE_MAX_DEFAULT: int
    FEATURE_MAX: int
    FEATURE_MAX_DEFAULT: int
    @property
    def shape(self) -> TensorShape: ...
    dim_type: RepeatedScalarFieldContainer[int]
    name: str
    shape_is_final: bool
    def __init__(self, **fields: Any) -> None: ...

class TensorBoundShapes(Message):
    DESCRIPTOR: Descriptor
    shapes: RepeatedCompositeFieldContainer[TensorBoundShape]
    max_batch_size: int
    max_feature_len: int
    def __init__(self, **fields: Any) -> None: ...

class AOTConfig(Message):
    DESCRIPTOR: Descriptor
    max_batch_size: int
    max_seq_size: int
    in_batch_broadcast: bool
    onnxifi_blacklist_ops: str
    onnxifi_min_ops: int
    def __init__(self, **fields: Any) -> None: ...

class Argument(Message):
    DESCRIPTOR: Descriptor
    name: str
    f: float
    i: int
    s: bytes
    @property
    def t(self) -> TensorProto: ...
    @property
    def n(self) -> NetDef: ...
    floats: RepeatedScalarFieldContainer[float]
    ints: RepeatedScalarFieldContainer[int]
    strings: RepeatedScalarFieldContainer[bytes]
    tensors: RepeatedCompositeFieldContainer[TensorProto]
    nets: RepeatedCompositeFieldContainer[NetDef]
    qtensors: RepeatedCompositeFieldContainer[QTensorProto]
    def __init__(self, **fields: Any) -> None: ...

class DeviceOption(Message):
    DESCRIPTOR: Descriptor
    device_type: int
    device_id: int
    random_seed: int
    node_name: str
    numa_node_id: int
    extra_info: RepeatedScalarFieldContainer[str]
    def __init__(self, **fields: Any) -> None: ...

class OperatorDef(Message):
    DESCRIPTOR: Descriptor
    input: RepeatedScalarFieldContainer[str]
    output: RepeatedScalarFieldContainer[str]
    name: str
    type: str
    arg: RepeatedCompositeFieldContainer[Argument]
    @property
    def device_option(self) -> DeviceOption: ...
    engine: str
    control_input: RepeatedScalarFieldContainer[str]
    is_gradient_op: bool
    debug_info: str
    domain: str
    op_version: int
    def __init__(self, **fields: Any) -> None: ...

class MapFieldEntry(Message):
    DESCRIPTOR: Descriptor
    key: str
    val: str
    def __init__(self, **fields: Any) -> None: ...

class BackendOptions(Message):
    DESCRIPTOR: Descriptor
    backend_name: str
    option: RepeatedCompositeFieldContainer[MapFieldEntry]
    def __init__(self, **fields: Any) -> None: ...

class PartitionInfo(Message):
    DESCRIPTOR: Descriptor
    name: str
    device_id: RepeatedScalarFieldContainer[int]
    extra_info: str
    backend_options: RepeatedCompositeFieldContainer[BackendOptions]
    def __init__(self, **fields: Any) -> None: ...

class NetDef(Message):
    DESCRIPTOR: Descriptor
    name: str
    op: RepeatedCompositeFieldContainer[OperatorDef]
    type: str
    num_workers: int
    @property
    def device_option(self) -> DeviceOption: ...
    arg: RepeatedCompositeFieldContainer[Argument]
    external_input: RepeatedScalarFieldContainer[str]
    external_output: RepeatedScalarFieldContainer[str]
    partition_info: RepeatedCompositeFieldContainer[PartitionInfo]
    def __init__(self, **fields: Any) -> None: ...

class ExecutionStep(Message):
    DESCRIPTOR: Descriptor
    name: str
    substep: RepeatedCompositeFieldContainer[ExecutionStep]
    network: RepeatedScalarFieldContainer[str]
    num_iter: int
    criteria_network: str
    report_net: str
    report_interval: int
    run_every_ms: int
    concurrent_substeps: bool
    should_stop_blob: str
    only_once: bool
    create_workspace: bool
    num_concurrent_instances: int
    def __init__(self, **fields: Any) -> None: ...

class PlanDef(Message):
    DESCRIPTOR: Descriptor
    name: str
    network: RepeatedCompositeFieldContainer[NetDef]
    execution_step: RepeatedCompositeFieldContainer[ExecutionStep]
    def __init__(self, **fields: Any) -> None: ...

class BlobProto(Message):
    DESCRIPTOR: Descriptor
    name: str
    type: str
    @property
    def tensor(self) -> TensorProto: ...
    content: bytes
    @property
    def qtensor(self) -> QTensorProto: ...
    content_num_chunks: int
    content_chunk_id: int
    def __init__(self, **fields: Any) -> None: ...

class DBReaderProto(Message):
    DESCRIPTOR: Descriptor
    name: str
    source: str
    db_type: str
    key: str
    def __init__(self, **fields: Any) -> None: ...

class BlobSerializationOptions(Message):
    DESCRIPTOR: Descriptor
    FLOAT_DEFAULT: int
    FLOAT_PROTOBUF: int
    FLOAT_BFLOAT16: int
    blob_name_regex: str
    chunk_size: int
    float_format: int
    def __init__(self, **fields: Any) -> None: ...

class SerializationOptions(Message):
    DESCRIPTOR: Descriptor
    options: RepeatedCompositeFieldContainer[BlobSerializationOptions]
    def __init__(self, **fields: Any) -> None: ...

class ModelInfo(Message):
    DESCRIPTOR: Descriptor
    project: str
    modelClass: str
    version: str
    predictorType: str
    modelId: str
    def __init__(self, **fields: Any) -> None: ...

class BlobsMap(Message):
    DESCRIPTOR: Descriptor
    key: str
    value: RepeatedScalarFieldContainer[str]
    def __init__(self, **fields: Any) -> None: ...

class NetsMap(Message):
    DESCRIPTOR: Descriptor
    key: str
    @property
    def value(self) -> NetDef: ...
    def __init__(self, **fields: Any) -> None: ...

class PlansMap(Message):
    DESCRIPTOR: Descriptor
    key: str
    @property
    def value(self) -> PlanDef: ...
    def __init__(self, **fields: Any) -> None: ...

class StringMap(Message):
    DESCRIPTOR: Descriptor
    key: str
    value: str
    def __init__(self, **fields: Any) -> None: ...

class MetaNetDef(Message):
    DESCRIPTOR: Descriptor
    blobs: RepeatedCompositeFieldContainer[BlobsMap]
    nets: RepeatedCompositeFieldContainer[NetsMap]
    @property
    def modelInfo(self) -> ModelInfo: ...
    plans: RepeatedCompositeFieldContainer[PlansMap]
    applicationSpecificInfo: RepeatedCompositeFieldContainer[StringMap]
    blobsOrder: RepeatedScalarFieldContainer[str]
    preLoadBlobs: RepeatedScalarFieldContainer[str]
    @property
    def tensorBoundShapes(self) -> TensorBoundShapes: ...
    requestOnlyEmbeddings: RepeatedScalarFieldContainer[str]
    @property
    def aotConfig(self) -> AOTConfig: ...
    def __init__(self, **fields: Any) -> None: ...
