"""Operators of jobs, as far as one process goes: stores, and a common world of one."""

import numpy as np
import pytest

import c2
from c2.communicate import connect
from c2.errors import C2Error, CommunicationError, NotAllowed


@pytest.fixture
def run(tmp_path):
    workspace = c2.Workspace(allow=["files", "network"])
    workspace.feed("x", np.arange(6, dtype=np.float32).reshape(2, 3))

    def run(build):
        net = c2.Net("job")
        build(net)
        workspace.run_once(net)
        return workspace

    run(lambda net: net.FileStoreHandlerCreate([], ["store"], path=str(tmp_path), prefix="run1"))
    run(lambda net: net.CreateCommonWorld([], ["world"], engine="GLOO"))
    return run


def test_blobs_through_a_store(run):
    workspace = run(lambda net: net.StoreSet(["store", "x"], []))
    run(lambda net: net.StoreGet(["store"], ["y"], blob_name="x"))
    np.testing.assert_array_equal(workspace["y"], workspace["x"])
    workspace.feed("text", "a string")
    run(lambda net: net.StoreSet(["store", "text"], [], blob_name="k"))
    run(lambda net: net.StoreWait(["store"], [], blob_names=["k", "x"]))
    run(lambda net: net.StoreGet(["store"], ["k"]))
    assert workspace["k"] in ("a string", b"a string")


def test_counters(run):
    for expected in (3, 6):
        workspace = run(lambda net: net.StoreAdd(["store"], ["n"], add_value=3))
        assert workspace["n"].tolist() == [expected]


def test_a_world_of_one(run):
    workspace = run(lambda net: net.Allreduce(["world", "x"], ["x"]))
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(workspace["x"], x)
    workspace.feed("z", 2 * x)
    run(lambda net: net.Allreduce(["world", "x", "z"], ["x", "z"]))  # all X are added, as in Caffe2
    for name in "xz":
        np.testing.assert_array_equal(workspace[name], 3 * x)
    run(lambda net: net.Broadcast(["world", "x"], ["x"], root=0))
    run(lambda net: net.Reduce(["world", "x"], ["y"]))
    run(lambda net: net.Allgather(["world", "x", "z"], ["g"]))
    np.testing.assert_array_equal(workspace["g"], np.concatenate([3 * x.ravel()] * 2))
    workspace.feed("counts", np.array([6], np.int32))
    run(lambda net: net.ReduceScatter(["world", "x", "counts"], ["x", "counts"]))
    for name in "xy":
        np.testing.assert_array_equal(workspace[name], 3 * x)
    run(lambda net: net.CloneCommonWorld(["world"], ["other"]))
    run(lambda net: net.Barrier(["other"], []))
    run(lambda net: net.DestroyCommonWorld(["world"], ["world"]))


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda net: net.Barrier(["x"], []), "comm_world must be what CreateCommonWorld makes"),
        (lambda net: net.StoreAdd(["world"], ["n"]), "handler must be a store"),
        (lambda net: net.StoreWait(["store"], []), "one of them"),
        (lambda net: net.Broadcast(["world", "x"], ["x"], root=1), "there is no rank 1"),
        (lambda net: net.SendTensor(["world", "x"], [], dst=0), "nobody to send to"),
        (lambda net: net.CreateCommonWorld([], ["w"], size=2), "nothing says which rank"),
        (lambda net: net.CreateCommonWorld(["store"], ["w"], size=2, rank=2), "rank must be from 0 to 1"),
    ],
)  # fmt: skip
def test_mistakes(run, build, text):
    with pytest.raises(C2Error, match=text):
        run(build)


def test_status_blob(run):
    with pytest.raises(C2Error):
        run(lambda net: net.SendTensor(["world", "x"], [], dst=0, status_blob="status"))
    workspace = run(lambda net: net.CreateCommonWorld([], ["world"], status_blob="status"))
    assert "nobody to send to" in str(workspace["status"])


def test_nothing_is_allowed_unasked(tmp_path):
    net = c2.Net("job")
    net.FileStoreHandlerCreate([], ["store"], path=str(tmp_path / "folder"))
    with pytest.raises(NotAllowed):
        c2.Workspace().run_once(net)
    assert not (tmp_path / "folder").exists()


@pytest.mark.parametrize("rank", [-1, 1])
def test_a_rank_that_a_job_of_one_has_not(rank):
    with pytest.raises(CommunicationError, match=f"rank must be from 0 to 0, got {rank}"):
        connect(rank, 1)


def test_a_world_of_another_size_than_the_job(run, monkeypatch):
    for name, value in {"C2_RANK": "0", "C2_SIZE": "3", "C2_STORE": "tcp://127.0.0.1:1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(C2Error, match="a job of 2 processes is asked for, but c2 launch started 3"):
        run(lambda net: net.CreateCommonWorld([], ["w"], size=2))
