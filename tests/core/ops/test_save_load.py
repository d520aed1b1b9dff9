"""Save, Load and Checkpoint: through real files, in every dtype, with damage and misuse."""

import numpy as np
import pytest

import c2
from c2.registry import core_registry
from c2.serialize.blobs import Int8Tensor

REGISTRY = core_registry()
BLOBS = {
    "f32": np.arange(6, dtype=np.float32).reshape(2, 3),
    "f16": np.arange(3, dtype=np.float16),
    "f64": np.float64(2.5).reshape(()),
    "i8": np.array([-1, 2], np.int8),
    "u16": np.array([1, 65535], np.uint16),
    "i64": np.array([2**40], np.int64),
    "flag": np.array([True, False]),
    "empty": np.zeros((0, 4), np.float32),
}


@pytest.fixture
def ws(tmp_path):
    workspace = c2.Workspace(registry=REGISTRY, allow=["files"], root_folder=str(tmp_path))
    for name, value in BLOBS.items():
        workspace.feed(name, value)
    workspace.feed("text", "words")
    workspace.feed("names", np.array(["a", "bc"]))
    return workspace


def run(workspace, type_, inputs=(), outputs=(), **args):
    workspace.run_once(c2.create_op(type_, inputs, outputs, **args))


def fresh(workspace):
    return c2.Workspace(registry=REGISTRY, allow=["files"], root_folder=workspace.root_folder)


@pytest.mark.parametrize("chunk_size", [0, 2, -1])
def test_everything_comes_back(ws, chunk_size):
    run(ws, "Save", [*BLOBS, "text", "names"], db="all.db", db_type="minidb", chunk_size=chunk_size)
    other = fresh(ws)
    run(other, "Load", [], [*BLOBS, "text", "names"], db="all.db", db_type="minidb")
    for name, value in BLOBS.items():
        got = other[name]
        assert (got.dtype, got.shape) == (value.dtype, value.shape)
        np.testing.assert_array_equal(got, value)
    assert other["text"] == b"words"
    assert other["names"].tolist() == [b"a", b"bc"]


def test_quantized_tensors(ws):
    ws.blob("q").value = Int8Tensor(np.array([1, 2], np.uint8), 0.5, 3)
    run(ws, "Save", ["q"], db="q.db", db_type="minidb")
    other = fresh(ws)
    run(other, "Load", [], ["q"], db="q.db", db_type="minidb")
    assert other["q"].zero_point == 3


def test_prefixes_and_other_names(ws):
    ws.feed("gpu_0/w", np.ones(2, np.float32))
    run(ws, "Save", ["gpu_0/w"], db="w.db", db_type="minidb", strip_prefix="gpu_0/")
    other = fresh(ws)
    run(other, "Load", db="w.db", db_type="minidb", load_all=1, add_prefix="model/")
    assert other.blobs() == ["model/w"]
    run(ws, "Save", ["f32", "i8"], db="o.db", db_type="minidb", blob_name_overrides=["x", "y"])
    run(other, "Load", [], ["mine"], db="o.db", db_type="minidb", source_blob_names=["y"])
    np.testing.assert_array_equal(other["mine"], BLOBS["i8"])


def test_several_files_and_what_is_missing(ws):
    run(ws, "Save", ["f32"], db="a.db", db_type="minidb")
    run(ws, "Save", ["i8", "f16"], db="b.db", db_type="minidb")
    other = fresh(ws)
    run(other, "Load", [], ["f32", "i8"], dbs=["a.db", "b.db"], db_type="minidb")
    with pytest.raises(
        c2.FormatError, match=r"load 2 blobs from a.db, got 1 only; missing are 'f23'.*'f32'"
    ):
        run(other, "Load", [], ["f32", "f23"], db="a.db", db_type="minidb")
    other.feed("f23", np.ones(1, np.float32))
    run(other, "Load", [], ["f32", "f23"], db="a.db", db_type="minidb", allow_incomplete=1)
    assert other["f23"] == 1
    run(ws, "Save", ["f32"], db="again.db", db_type="minidb")
    with pytest.raises(c2.FormatError, match="blob 'f32' is in .*a.db and again in .*again.db"):
        run(other, "Load", db="", dbs=["a.db", "again.db"], db_type="minidb", load_all=1)


def test_checkpoints_are_written_every_few_iterations(ws, tmp_path):
    net = c2.Net("train")
    net.op("Iter", "iteration", "iteration")
    net.op("Checkpoint", ["iteration", "f32"], (), db="model_%09d.db", db_type="minidb", every=3)
    ws.feed("iteration", np.zeros(1, np.int64))
    ws.run(net, 7)
    assert sorted(p.name for p in tmp_path.glob("*.db")) == [
        "model_000000003.db",
        "model_000000006.db",
    ]
    other = fresh(ws)
    run(other, "Load", db="model_000000006.db", db_type="minidb", load_all=1)
    assert other["iteration"] == 6


def test_misuse(ws):
    with pytest.raises(c2.CheckError, match="exclude each other"):
        run(
            ws,
            "Save",
            ["f32"],
            db="x",
            db_type="minidb",
            strip_prefix="a",
            blob_name_overrides=["b"],
        )
    with pytest.raises(c2.CheckError, match="must name every input\n  expected 2 names, got 1"):
        run(ws, "Save", ["f32", "i8"], db="x", db_type="minidb", blob_name_overrides=["b"])
    with pytest.raises(c2.SchemaError, match="same name in the file"):
        run(ws, "Save", ["f32", "i8"], db="x", db_type="minidb", blob_name_overrides=["b", "b"])
    with pytest.raises(c2.CheckError, match="by one of db and dbs"):
        run(ws, "Load", [], ["f32"], db_type="minidb")
    with pytest.raises(c2.CheckError, match="expected no outputs, got 1"):
        run(ws, "Load", [], ["f32"], db="x", db_type="minidb", load_all=1)
    with pytest.raises(c2.FormatError, match="no database type 'minidbb'.*Did you mean 'minidb'"):
        run(ws, "Load", [], ["f32"], db="x", db_type="minidbb")
    with pytest.raises(c2.SchemaError, match="must take one number"):
        run(ws, "Checkpoint", ["i64"], db="model_%s_%d", db_type="minidb")
    with pytest.raises(c2.NotAllowed, match="touches files"):
        run(
            c2.Workspace(registry=REGISTRY, parent=None),
            "Load",
            [],
            ["f32"],
            db="x",
            db_type="minidb",
        )


def test_a_failed_save_leaves_the_old_file(ws, tmp_path):
    run(ws, "Save", ["f32"], db="kept.db", db_type="minidb")
    before = (tmp_path / "kept.db").read_bytes()
    ws.blob("odd").value = object()
    with pytest.raises(c2.SchemaError, match="cannot be stored"):
        run(ws, "Save", ["f32", "odd"], db="kept.db", db_type="minidb")
    assert (tmp_path / "kept.db").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["kept.db"]


def test_truncated_files_are_told(ws, tmp_path):
    run(ws, "Save", list(BLOBS), db="t.db", db_type="minidb")
    whole = (tmp_path / "t.db").read_bytes()
    for size in (1, 7, len(whole) // 2, len(whole) - 1):
        (tmp_path / "t.db").write_bytes(whole[:size])
        with pytest.raises(c2.FormatError):
            run(fresh(ws), "Load", db="t.db", db_type="minidb", load_all=1)
