"""Damaged files: cut off anywhere, bits flipped. Readers raise a C2Error or give a value; nothing else."""

from __future__ import annotations

import time

import numpy as np
import pytest

from c2.errors import C2Error
from c2.proto import BlobProto, NetDef, OperatorDef, TensorProto
from c2.serialize.arguments import argument_fields, make_argument
from c2.serialize.blobs import BlobAssembler, Int8Tensor, serialize_blob
from c2.serialize.budget import set_memory_budget
from c2.serialize.database import open_db
from c2.serialize.messages import load_net, message_text, parse_message
from c2.serialize.model_files import (
    PredictorModel,
    init_net_to_params,
    load_predictor_db,
    params_to_init_net,
    save_predictor_db,
)
from c2.serialize.tensors import tensor_from_proto, tensor_to_proto

BUDGET = 1 << 26  # bytes; the files here are some kB
FLIPS = 400
SECONDS = 20  # for all flips of one file; they take about one


@pytest.fixture(autouse=True)
def _small_budget(_own_budget):
    set_memory_budget(BUDGET)


def params():
    rng = np.random.default_rng(0)
    return {
        "w": rng.standard_normal((5, 70)).astype(np.float32),
        "h": rng.standard_normal(9).astype(np.float16),
        "i": rng.integers(-(2**40), 2**40, 20),
        "u": rng.integers(0, 256, (3, 4)).astype(np.uint8),
        "s": np.array([b"a", b"bc"], object),
        "q": Int8Tensor(rng.integers(0, 256, 6).astype(np.uint8), 0.5, 3),
    }


def predict_net():
    net = NetDef(name="predict", external_input=["x", "w"], external_output=["y"])
    for k in range(4):
        op = net.op.add(type="FC", name=f"fc{k}", input=["x", "w"], output=["y"])
        op.arg.extend(
            [
                make_argument("axis", 1),
                make_argument("scales", [0.5, 2.0]),
                make_argument("order", "NCHW"),
            ]
        )
        op.device_option.device_type = 1
    sub = NetDef(op=[OperatorDef(type="Relu", input=["y"], output=["y"])])
    net.op.add(type="If", input=["c"]).arg.append(make_argument("then_net", sub))
    return net


def read_net(path):
    net = load_net(path)
    assert isinstance(net, NetDef)
    # All of it can be used, not only its outside.
    for op in net.op:
        "".join([op.type, *op.input, *op.output])
        for arg in op.arg:
            argument_fields(arg)


def read_init_net(path):
    init_net_to_params(load_net(path))


def read_blobs(path):
    assembler = BlobAssembler(str(path))
    with open_db("minidb", path) as db:
        for key, value in db.cursor():
            assembler.add(key, value)
    assembler.finish()


def read_tensor(path):
    array = tensor_from_proto(parse_message(path.read_bytes(), TensorProto))
    array.tolist()


def read_blob_message(path):
    blob = parse_message(path.read_bytes(), BlobProto)
    tensor_from_proto(blob.tensor)


def read_protodb(path):
    with open_db("protodb", path) as db:
        list(db.cursor())


def binary(message):
    return lambda path: path.write_bytes(message.SerializeToString())


def text(message):
    return lambda path: path.write_text(message_text(message))


def minidb(path):
    with open_db("minidb", path, "new") as db:
        transaction = db.transaction()
        for name, value in {**params(), "string": b"text"}.items():
            for key, data in serialize_blob(name, value, chunk_size=100):
                transaction.put(key, data)


def predictor(path):
    save_predictor_db(path, PredictorModel(predict_net(), params(), ["x"], ["y"], {"x": (1, 70)}))


def protodb(path):
    with open_db("protodb", path, "new") as db:
        for name in "abc":
            proto = tensor_to_proto(np.arange(40.0), name)
            db.transaction().put(name, proto.SerializeToString())


FILES = {
    "net": (binary(predict_net()), read_net),
    "net as text": (text(predict_net()), read_net),
    "init net": (binary(params_to_init_net(params())), read_init_net),
    "blobs": (minidb, read_blobs),
    "predictor": (predictor, load_predictor_db),
    "protodb": (protodb, read_protodb),
    "tensor": (binary(tensor_to_proto(np.arange(300.0), "x")), read_tensor),
    "int tensor": (binary(tensor_to_proto(np.arange(-200, 400), "x")), read_tensor),
    "string tensor": (binary(tensor_to_proto(np.array([b"ab", b"c"] * 9))), read_tensor),
    "bfloat16": (binary(tensor_to_proto(np.ones(40, np.float32), bfloat16=True)), read_tensor),
    "blob": (
        binary(
            BlobProto(name="x", type="Tensor", tensor=tensor_to_proto(np.arange(9.0), "x", 0, 9))
        ),
        read_blob_message,
    ),
}


def attempt(read, path):
    """Whether the file was refused; any error that is not a C2Error goes through."""
    try:
        read(path)
    except C2Error:
        return True
    return False


@pytest.mark.parametrize("name", FILES)
def test_whole_file_reads(tmp_path, name):
    write, read = FILES[name]
    write(tmp_path / "file")
    assert not attempt(read, tmp_path / "file")


@pytest.mark.parametrize("name", FILES)
def test_cut_off_anywhere(tmp_path, name):
    write, read = FILES[name]
    write(tmp_path / "file")
    data = (tmp_path / "file").read_bytes()
    cuts = {*range(64), *np.linspace(0, len(data) - 1, 200).astype(int).tolist()}
    refused = 0
    for cut in sorted(c for c in cuts if c < len(data)):
        (tmp_path / "file").write_bytes(data[:cut])
        refused += attempt(read, tmp_path / "file")
    assert refused >= 2  # many a beginning of a message is a message


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("seed", range(2))
def test_flipped_bits(tmp_path, name, seed):
    write, read = FILES[name]
    write(tmp_path / "file")
    data = np.frombuffer((tmp_path / "file").read_bytes(), np.uint8)
    rng = np.random.default_rng(seed)
    start = time.monotonic()
    for k in range(FLIPS):
        damaged = data.copy()
        # The front matters most: lengths, dims and types are there.
        reach = min(len(data), 64) if k % 2 else len(data)
        for place in rng.integers(0, reach, rng.integers(1, 4)):
            damaged[place] ^= 1 << rng.integers(0, 8)
        (tmp_path / "file").write_bytes(damaged.tobytes())
        attempt(read, tmp_path / "file")
    assert time.monotonic() - start < SECONDS


@pytest.mark.parametrize("seed", range(3))
def test_noise(tmp_path, seed):
    rng = np.random.default_rng(seed)
    for _ in range(100):
        size = int(rng.integers(1, 200))
        noise = rng.integers(0, rng.choice([16, 128, 256]), size).astype(np.uint8).tobytes()
        (tmp_path / "file").write_bytes(noise)
        for _, read in FILES.values():
            attempt(read, tmp_path / "file")


def test_nothing_beyond_the_budget_is_allocated(tmp_path):
    """Peak of NumPy's allocations while damaged blobs are read."""
    import tracemalloc

    minidb(tmp_path / "file")
    data = np.frombuffer((tmp_path / "file").read_bytes(), np.uint8)
    rng = np.random.default_rng(7)
    tracemalloc.start()
    try:
        for _ in range(100):
            damaged = data.copy()
            for place in rng.integers(0, len(data), 3):
                damaged[place] ^= 1 << rng.integers(0, 8)
            (tmp_path / "file").write_bytes(damaged.tobytes())
            attempt(read_blobs, tmp_path / "file")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < BUDGET + (1 << 22)
