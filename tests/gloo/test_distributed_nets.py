"""Caffe2's distributed operators in nets of two processes; values as real Caffe2 gave them."""

import numpy as np

import c2


def net_of_two(rank, size, store):
    workspace = c2.Workspace(allow=["files", "network"])

    def run(type_, inputs, outputs, **args):
        net = c2.Net("job")
        getattr(net, type_)(inputs, outputs, engine="GLOO", **args)
        workspace.run_once(net)

    run("FileStoreHandlerCreate", [], ["store"], path=str(store.folder), prefix="p/x")
    where = {"size": size, "rank": rank, "status_blob": "status", "timeout_ms": 30_000}
    run("CreateCommonWorld", ["store"], ["world"], **where)
    found = {}
    x = np.full((2, 3), rank + 1, np.float32)
    workspace.feed("X", x)
    workspace.feed("X2", 10 * x)
    run("Allreduce", ["world", "X", "X2"], ["X", "X2"])
    found["Allreduce"] = workspace["X"].copy(), workspace["X2"].copy()
    workspace.feed("X", x)
    run("Allgather", ["world", "X", "X2"], ["G"])
    found["Allgather"] = workspace["G"].copy()
    run("Broadcast", ["world", "X"], ["X"], root=1)
    found["Broadcast"] = workspace["X"].copy()
    workspace.feed("X", x)
    run("Reduce", ["world", "X"], ["R"], root=0)
    found["Reduce"] = workspace["R"].copy()
    workspace.feed("S", np.arange(6, dtype=np.float32) * (rank + 1))
    workspace.feed("counts", np.array([4, 2], np.int32))
    run("ReduceScatter", ["world", "S", "counts"], ["S", "counts"])
    found["ReduceScatter"] = workspace["S"][: [4, 2][rank]].copy()
    if rank == 0:
        run("SendTensor", ["world", "X"], [], dst=1, tag=3)
    else:
        run("ReceiveTensor", ["world", "X"], ["X", "from", "tag"], src=-1, tag=3)
        found["ReceiveTensor"] = [workspace[n].tolist() for n in ("X", "from", "tag")]
    run("DestroyCommonWorld", ["world"], ["world"])
    return found


def test_values_of_caffe2(ranks):
    for rank, found in enumerate(ranks(net_of_two, 2)):
        assert isinstance(found, dict), found
        ones = np.ones((2, 3))
        np.testing.assert_array_equal(found["Allreduce"], [33 * ones] * 2)
        np.testing.assert_array_equal(found["Allgather"], np.repeat([1, 33, 2, 33], 6))
        np.testing.assert_array_equal(found["Broadcast"], 2 * ones)
        np.testing.assert_array_equal(found["Reduce"], [3 * ones, 2 * ones][rank])
        np.testing.assert_array_equal(found["ReduceScatter"], [[0, 3, 6, 9], [12, 15]][rank])
        assert found.get("ReceiveTensor") == [None, [[[1.0] * 3] * 2, [0], [3]]][rank]
