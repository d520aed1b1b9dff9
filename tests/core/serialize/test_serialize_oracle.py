"""Against a real Caffe2, live: what one writes, the other reads."""

from __future__ import annotations

import json

import numpy as np
import pytest
from google.protobuf import descriptor_pb2

from c2.proto import BlobProto, NetDef, OperatorDef, TensorProto, TensorProtos
from c2.proto.caffe2_descriptor import FILES
from c2.serialize.arguments import make_argument
from c2.serialize.blobs import BlobAssembler, Int8Tensor, serialize_blob
from c2.serialize.database import open_db
from c2.serialize.messages import load_net, save_message
from c2.serialize.model_files import (
    PredictorModel,
    init_net_to_params,
    load_predictor_db,
    params_to_init_net,
    save_predictor_db,
)
from c2.serialize.tensors import tensor_from_proto, tensor_to_proto


def arrays():
    rng = np.random.default_rng(3)
    found = {
        name: (rng.standard_normal(shape) * 100).astype(name)
        for name, shape in {
            "float32": (7, 3),
            "float64": (5,),
            "float16": (2, 4),
            "int64": (6,),
            "int32": (6, 1),
            "int16": (6,),
            "int8": (300,),
        }.items()
    }
    found["uint8"] = rng.integers(0, 256, 900).astype(np.uint8)
    found["uint16"] = rng.integers(0, 65536, (3, 3)).astype(np.uint16)
    found["bool"] = rng.integers(0, 2, 11).astype(bool)
    found["scalar"] = np.array(2.5, np.float32)
    found["empty"] = np.zeros((0, 3), np.float32)
    found["strings"] = np.array([b"a", b"", b"\xff\0b"], object)
    return found


# As saved by numpy without pickles: strings apart.
FETCH = """
def fetch(names, path):
    found = {}
    for name in names:
        value = workspace.FetchBlob(name)
        if value.dtype == object:
            value = np.array([v.hex() for v in value])
        found[name] = value
    np.savez(path, **found)
"""


def assert_same(found, expected):
    for name, array in expected.items():
        if array.dtype == object:
            array = np.array([value.hex() for value in array])
        assert found[name].dtype == array.dtype, name
        assert found[name].shape == array.shape, name
        assert np.array_equal(found[name], array), name


def feed(tmp_path, values):
    """Code that feeds arrays to the oracle."""
    plain = {name: value for name, value in values.items() if value.dtype != object}
    np.savez(tmp_path / "feed.npz", **plain)
    strings = {
        name: [v.hex() for v in value] for name, value in values.items() if value.dtype == object
    }
    return f"""
fed = np.load("feed.npz")
for name in fed.files:
    workspace.FeedBlob(name, fed[name])
for name, value in {strings!r}.items():
    workspace.FeedBlob(name, np.array([bytes.fromhex(v) for v in value], dtype=object))
"""


def test_descriptors(oracle):
    printed = oracle("""
print(caffe2_pb2.DESCRIPTOR.serialized_pb.hex())
print(metanet_pb2.DESCRIPTOR.serialized_pb.hex())
""").split()

    def plain(data):
        file = descriptor_pb2.FileDescriptorProto.FromString(data)
        file.ClearField("name")
        file.ClearField("dependency")
        messages = list(file.message_type)
        while messages:
            message = messages.pop()
            messages += message.nested_type
            for field in message.field:
                field.ClearField("json_name")  # newer compilers write what older ones imply
        return file

    for ours, theirs in zip(FILES, printed, strict=True):
        assert plain(ours) == plain(bytes.fromhex(theirs))


VALUES = """[
    3, True, 0.5, "text", b"\\xff", [], [1, 2], [True, 0], [1.0], ["a", b"b"], (1, 2), range(3),
    np.zeros(0), np.array(3), np.array([[1, 2], [3, 4]]), np.array([True]), np.array([1.5], np.float16),
    np.array([0.1]), np.array([0.1], np.float32), np.array([b"a"]), np.array(["a", b"b"], object), -2**63, 1e38,
]"""


def test_arguments(oracle):
    printed = oracle(f"""
from caffe2.python.utils import MakeArgument
for value in {VALUES}:
    print(MakeArgument("k", value).SerializeToString().hex())
""").split()
    values = eval(VALUES)
    assert len(printed) == len(values)
    for value, theirs in zip(values, printed, strict=True):
        assert make_argument("k", value).SerializeToString().hex() == theirs, value


@pytest.mark.parametrize("chunk_size", [None, 4, -1])
def test_c2_reads_what_caffe2_saves_and_writes_the_same_bytes(oracle, tmp_path, chunk_size):
    values = arrays()
    option = "" if chunk_size is None else f"chunk_size={chunk_size},"
    oracle(
        feed(tmp_path, values)
        + f"""
workspace.FeedBlob("text", b"some \\0 bytes")
run(op("Int8Quantize", ["float32"], ["q"], Y_scale=0.5, Y_zero_point=3))
names = {list(values)} + ["text", "q"]
run(op("Save", names, [], {option} db="blobs.minidb", db_type="minidb", absolute_path=1))
"""
    )
    assembler = BlobAssembler()
    with open_db("minidb", tmp_path / "blobs.minidb") as db:
        entries = list(db.cursor())
    for key, value in entries:
        assembler.add(key, value)
    found = assembler.finish()
    for name, array in values.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)
    assert found["text"] == b"some \0 bytes"
    assert (found["q"].scale, found["q"].zero_point, found["q"].data.shape) == (0.5, 3, (7, 3))
    sizes = {} if chunk_size is None else {"chunk_size": chunk_size}
    ours = {
        key: value
        for name, value in found.items()
        for key, value in serialize_blob(name, value, **sizes)
    }
    assert ours == dict(entries)  # theirs may come in another order


def test_bfloat16_is_rounded_as_caffe2_does(oracle, tmp_path):
    bits = np.random.default_rng(0).integers(0, 2**32, 20_000, dtype=np.uint64).astype(np.uint32)
    array = bits.view(np.float32)
    array = array[np.isfinite(array)]
    oracle(
        feed(tmp_path, {"x": array})
        + """
options = caffe2_pb2.SerializationOptions()
options.options.add(blob_name_regex=".*", float_format=2)
run(op("Save", ["x"], [], db="x.minidb", db_type="minidb", absolute_path=1, options=options))
"""
    )
    with open_db("minidb", tmp_path / "x.minidb") as db:
        entries = list(db.cursor())
    assert BlobProto.FromString(entries[0][1]).tensor.data_format == TensorProto.FMT_BFLOAT16
    assert list(serialize_blob("x", array, bfloat16=True)) == entries


def test_caffe2_loads_what_c2_saves(oracle, tmp_path):
    values = arrays()
    with open_db("minidb", tmp_path / "blobs.minidb", "new") as db:
        transaction = db.transaction()
        entries = [e for name, value in values.items() for e in serialize_blob(name, value, 4)]
        entries += serialize_blob("text", "é")
        entries += serialize_blob("q", Int8Tensor(np.array([[3, 255]], np.uint8), 0.5, 3))
        for key, value in reversed(entries):
            transaction.put(key, value)
    printed = oracle(
        FETCH
        + f"""
run(op("Load", [], [], db="blobs.minidb", db_type="minidb", absolute_path=1, load_all=1))
fetch({list(values)}, "found.npz")
q = workspace.FetchInt8Blob("q")
print(workspace.FetchBlob("text").hex(), q.data.tolist(), q.scale, q.zero_point)
"""
    )
    assert_same(np.load(tmp_path / "found.npz"), values)
    assert printed.strip() == "c3a9 [[3, 255]] 0.5 3"


def test_stored_forms_mean_the_same(oracle, tmp_path):
    """Forms that Caffe2 reads and does not write itself."""
    protos = {
        "byte": TensorProto(dims=[2], data_type=3, byte_data=b"\1\xff"),
        "u8": TensorProto(dims=[2], data_type=6, byte_data=b"\1\xff"),
        "i16": TensorProto(dims=[2], data_type=9, byte_data=b"\1\0\xff\xff"),
        "f16": TensorProto(dims=[2], data_type=12, byte_data=b"\0\x3e\0\xc0"),
        "bool": TensorProto(dims=[2], data_type=5, int32_data=[7, 0]),
        "wide": TensorProto(dims=[3], data_type=6, int32_data=[300, -1, 256]),
        "bf16": TensorProto(dims=[2], data_type=1, data_format=1, raw_data=b"\xa0\x40\x20\xc0"),
    }
    blobs = {
        name: BlobProto(name=name, type="Tensor", tensor=proto).SerializeToString().hex()
        for name, proto in protos.items()
    }
    oracle(
        FETCH
        + f"""
blobs = {blobs!r}
for name, data in blobs.items():
    workspace.DeserializeBlob(name, bytes.fromhex(data))
fetch(blobs, "found.npz")
"""
    )
    assert_same(
        np.load(tmp_path / "found.npz"), {n: tensor_from_proto(p) for n, p in protos.items()}
    )


def test_databases(oracle, tmp_path):
    """Of serialized tensors, in both types, both ways."""
    values = {f"{k:08d}": np.full((2, 3), k, np.float32) for k in range(3)}
    for db_type in ("minidb", "protodb"):
        with open_db(db_type, tmp_path / f"ours.{db_type}", "new") as db:
            transaction = db.transaction()
            for name, value in values.items():
                transaction.put(name, tensor_to_proto(value, name).SerializeToString())
    printed = oracle("""
import json
from caffe2.python.utils import NumpyArrayToCaffe2Tensor
found = {}
for kind in ("minidb", "protodb"):
    db = core.C.create_db(kind, "theirs." + kind, core.C.Mode.new)
    transaction = db.new_transaction()
    for k in range(3):
        name = "%08d" % k
        tensor = NumpyArrayToCaffe2Tensor(np.full((2, 3), k, np.float32), name)
        transaction.put(name, tensor.SerializeToString())
    del transaction
    del db
    db = core.C.create_db(kind, "ours." + kind, core.C.Mode.read)
    cursor = db.new_cursor()
    found[kind] = []
    while cursor.valid():
        tensor = caffe2_pb2.TensorProto.FromString(cursor.value())
        found[kind].append([cursor.key().decode(), list(tensor.float_data), list(tensor.dims)])
        cursor.next()
    del cursor, db
print(json.dumps(found))
""")
    expected = [[name, value.ravel().tolist(), [2, 3]] for name, value in values.items()]
    assert json.loads(printed) == {"minidb": expected, "protodb": expected}
    for db_type in ("minidb", "protodb"):
        with open_db(db_type, tmp_path / f"theirs.{db_type}") as db:
            found = {
                key: tensor_from_proto(TensorProto.FromString(value)) for key, value in db.cursor()
            }
        assert_same(found, values)
        assert list(found) == list(values)


def test_tensor_protos_db_input(oracle, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, 1, 5, 5)).astype(np.uint8)
    with open_db("minidb", tmp_path / "images.minidb", "new") as db:
        transaction = db.transaction()
        for k, image in enumerate(images):
            protos = TensorProtos(
                protos=[tensor_to_proto(image), tensor_to_proto(np.array(k, np.int32))]
            )
            transaction.put(f"{k:08d}", protos.SerializeToString())
    oracle(
        FETCH
        + """
run(op("CreateDB", [], ["reader"], db="images.minidb", db_type="minidb"))
run(op("TensorProtosDBInput", ["reader"], ["data", "label"], batch_size=4))
fetch(["data", "label"], "found.npz")
"""
    )
    found = np.load(tmp_path / "found.npz")
    assert np.array_equal(found["data"], images)
    assert found["label"].tolist() == [0, 1, 2, 3]


def test_init_net_runs(oracle, tmp_path):
    params = arrays()
    params["float64"] = params["float64"].astype(np.float32).astype(np.float64)
    quantised = Int8Tensor(np.array([[1, 255]], np.uint8), 0.5, 3)
    bias = Int8Tensor(np.array([1, -300], np.int32), 0.25, 0)
    save_message(
        params_to_init_net({**params, "q": quantised, "bias": bias}), tmp_path / "init_net.pb"
    )
    printed = oracle(
        FETCH
        + f"""
net = caffe2_pb2.NetDef.FromString(open("init_net.pb", "rb").read())
workspace.RunNetOnce(net)
fetch({list(params)}, "found.npz")
for name in ("q", "bias"):
    q = workspace.FetchInt8Blob(name)
    print(q.data.tolist(), q.data.dtype, q.scale, q.zero_point)
"""
    )
    assert_same(np.load(tmp_path / "found.npz"), params)
    assert printed.splitlines() == ["[[1, 255]] uint8 0.5 3", "[1, -300] int32 0.25 0"]


def test_mobile_exporter(oracle, tmp_path):
    params = {
        k: v for k, v in arrays().items() if k in ("float32", "int32", "int64", "uint8", "strings")
    }
    oracle(
        feed(tmp_path, params)
        + f"""
from caffe2.python.predictor import mobile_exporter
net = core.Net("net")
names = {list(params)}
for name in names:
    net.Copy([name], [name + "_copy"])
init_net, predict_net = mobile_exporter.Export(workspace, net, names)
open("init_net.pb", "wb").write(init_net.SerializeToString())
"""
    )
    net = load_net(tmp_path / "init_net.pb")
    found = init_net_to_params(net)
    assert set(found) == set(params)
    for name, array in params.items():
        assert np.array_equal(found[name], array)
    ours = params_to_init_net({name: found[name] for name in found})
    for op in net.op:
        op.ClearField("name")  # set, and empty
    assert list(ours.op) == list(net.op)


NET = NetDef(name="net", op=[OperatorDef(type="FC", input=["x", "w", "b"], output=["y"])])
PARAMS = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([0.5, -1], np.float32)}
X = np.array([[1, 2, 3]], np.float32)


def test_caffe2_runs_a_predictor_of_c2(oracle, tmp_path):
    model = PredictorModel(NET, PARAMS, ["x"], ["y"], {"x": (1, 3), "y": (1, 2)})
    save_predictor_db(tmp_path / "model.minidb", model)
    printed = oracle(f"""
from caffe2.python.predictor import predictor_exporter
net = predictor_exporter.prepare_prediction_net("model.minidb", "minidb")
print(workspace.FetchBlob("x").shape, workspace.FetchBlob("y").shape)
workspace.FeedBlob("x", np.array({X.tolist()}, np.float32))
workspace.RunNet(net)
print(workspace.FetchBlob("y").tolist())
""")
    expected = X @ PARAMS["w"].T + PARAMS["b"]
    assert printed.splitlines() == ["(1, 3) (1, 2)", str(expected.tolist())]


def test_c2_reads_a_predictor_of_caffe2(oracle, tmp_path):
    save_message(NET, tmp_path / "net.pb")
    oracle(
        feed(tmp_path, {**PARAMS, "x": X, "y": np.zeros((1, 2), np.float32)})
        + """
from caffe2.python.predictor import predictor_exporter
net = caffe2_pb2.NetDef.FromString(open("net.pb", "rb").read())
extra = core.Net("extra")
extra.ConstantFill([], "more", shape=[1], value=1.0)
meta = predictor_exporter.PredictorExportMeta(net, ["w", "b"], ["x"], ["y"], extra_init_net=extra)
predictor_exporter.save_to_db("minidb", "model.minidb", meta)
"""
    )
    found = load_predictor_db(tmp_path / "model.minidb")
    assert (found.inputs, found.outputs) == (["x"], ["y"])
    assert found.shapes == {"x": (1, 3), "y": (1, 2)}
    assert found.predict_net.op == NET.op
    assert [op.output[0] for op in found.init_net.op] == ["more"]
    assert found.global_init_net is None
    for name, array in PARAMS.items():
        assert np.array_equal(found.params[name], array)
    save_predictor_db(tmp_path / "ours.minidb", found)
    assert np.array_equal(load_predictor_db(tmp_path / "ours.minidb").params["w"], PARAMS["w"])
