"""Workspaces: feeding, fetching, families, the current one."""

import threading

import numpy as np
import pytest

import c2
from c2.registry import core_registry

REGISTRY = core_registry()


@pytest.fixture
def ws():
    return c2.Workspace(registry=REGISTRY)


@pytest.mark.parametrize(
    "dtype",
    ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "bool"],
)
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)])
def test_arrays_come_back_as_they_went_in(ws, dtype, shape):
    value = np.ones(shape, dtype)
    ws.feed("x", value)
    got = ws["x"]
    assert (got.dtype, got.shape) == (value.dtype, value.shape)
    np.testing.assert_array_equal(got, value)


def test_strings_and_foreign_memory(ws):
    ws.feed("name", "a word")
    assert ws["name"] == b"a word"
    ws.feed("names", np.array(["ab", "c"]))
    assert ws["names"].tolist() == [b"ab", b"c"]
    ws.feed("turned", np.arange(6, dtype=np.float32).reshape(2, 3).T)
    assert ws.blob("turned").value.flags.c_contiguous
    ws.feed("big_endian", np.arange(3, dtype=">f4"))
    np.testing.assert_array_equal(ws["big_endian"], [0, 1, 2])

    class Foreign:
        def __init__(self, array):
            self.array = array

        def __dlpack__(self, **options):
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self):
            return self.array.__dlpack_device__()

    ws.feed("foreign", Foreign(np.arange(3, dtype=np.float32)))
    np.testing.assert_array_equal(ws["foreign"], [0, 1, 2])


def test_feeding_without_a_copy(ws):
    mine = np.arange(3, dtype=np.float32)
    ws.feed("mine", mine, copy=False)
    ws.run_once(c2.create_op("Negative", "mine", "mine"))
    assert ws.blob("mine").value is mine
    assert mine.tolist() == [0, -1, -2]
    turned = np.arange(6, dtype=np.float32).reshape(2, 3).T
    ws.feed("turned", turned, copy=False)
    assert ws.blob("turned").value.flags.c_contiguous
    mine.flags.writeable = False
    ws.run_once(c2.create_op("Negative", "mine", "mine"))
    assert (mine.tolist(), ws["mine"].tolist()) == ([0, -1, -2], [0, 1, 2])


@pytest.mark.parametrize("value", [1.5, [1, 2], None, {"a": 1}])
def test_python_values_are_refused_with_the_fix(ws, value):
    with pytest.raises(c2.SchemaError, match=r"cannot feed a .*np.asarray\(value, np.float32\)"):
        ws.feed("x", value)


@pytest.mark.parametrize("dtype", ["complex64", "uint32", "uint64", "datetime64[s]"])
def test_dtypes_without_tensors_are_refused(ws, dtype):
    with pytest.raises(c2.SchemaError, match="tensors have no dtype"):
        ws.feed("x", np.zeros(2, dtype))


def test_fetching_what_is_not_there(ws):
    ws.feed("softmax", np.ones(1, np.float32))
    with pytest.raises(
        c2.MissingBlob, match="'softmx' is not in the workspace. Did you mean 'softmax'"
    ):
        ws["softmx"]
    with pytest.raises(KeyError):
        ws["nothing"]
    ws.blob("made")
    with pytest.raises(c2.MissingBlob, match="'made' holds nothing"):
        ws["made"]


def test_a_child_of_an_empty_workspace_has_its_registry():
    registry = core_registry()
    assert c2.Workspace(registry=registry).child().registry is registry


def test_a_child_sees_its_parent_and_writes_there_where_the_name_exists(ws):
    ws.feed("shared", np.zeros(1, np.float32))
    child = ws.child()
    child.feed("shared", np.ones(1, np.float32))
    child.feed("own", np.ones(1, np.float32))
    assert ws["shared"] == 1
    assert "own" not in ws
    assert child.blobs() == ["own", "shared"]
    with pytest.raises(c2.MissingBlob):
        child.remove("shared")


def test_nets_by_name(ws):
    ws.feed("x", np.ones(2, np.float32))
    net = c2.Net("named")
    net.op("Negative", "x", "y")
    ws.create(net)
    ws.run(net.name)
    with pytest.raises(c2.NetError, match="exists in this workspace already; pass overwrite=True"):
        ws.create(net)
    with pytest.raises(c2.NetError, match="was not created in this workspace. Did you mean"):
        ws.run(net.name + "x")
    net.op("Negative", "y", "z")
    ws.run(net)  # it has changed: made ready again
    np.testing.assert_array_equal(ws["z"], [1, 1])


def test_the_current_workspace_belongs_to_the_context(ws):
    with ws:
        assert c2.current_workspace() is ws
        inner = c2.Workspace()
        with inner:
            assert c2.current_workspace() is inner
        assert c2.current_workspace() is ws
        seen = []
        thread = threading.Thread(target=lambda: seen.append(c2.current_workspace()))
        thread.start()
        thread.join()
        assert seen[0] is not ws
    assert c2.current_workspace() is not ws


def test_threads_on_a_workspace_each(ws):
    wrong = []

    def work(value):
        mine = c2.Workspace(registry=REGISTRY)
        net = c2.Net("threaded")
        net.op("Negative", "x", "y")
        for k in range(50):
            mine.feed("x", np.full(3, value + k, np.float32))
            mine.run(net)
            if not (mine["y"] == -(value + k)).all():
                wrong.append(value)

    threads = [threading.Thread(target=work, args=(1000 * k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
