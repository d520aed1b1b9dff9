"""The device on a real GPU: copies, streams, random numbers, memory that runs out, nets beside the CPU."""

import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import c2
from c2.errors import DeviceError, OutOfMemory

ARRAYS = {
    "scalar": np.array(3.5, np.float32),
    "empty": np.zeros((0, 3), np.float32),
    "matrix": np.arange(6, dtype=np.float64).reshape(2, 3),
    "strided": np.arange(12, dtype=np.int32).reshape(3, 4)[:, ::2],
    "turned": np.arange(6, dtype=np.int64).reshape(2, 3).T,
    "bools": np.array([True, False]),
    "half": np.ones(3, np.float16),
    "several chunks": np.arange(9_000_001, dtype=np.float32),
}


@pytest.fixture(params=ARRAYS)
def array(request):
    return ARRAYS[request.param]


@pytest.fixture
def workspace(cuda, registry):
    return c2.Workspace(registry=registry)


def test_probe_and_description(cuda):
    assert cuda.probe() is None
    assert cuda.describe()["GPU"]


def test_an_id_that_is_not_there(cuda):
    count = cuda.describe()["GPUs"]
    assert f"there is no GPU with id {count}: there are {count}: 0 " in cuda.at(count).probe()


def test_there_and_back(cuda, array):
    value = cuda.from_numpy(array)
    assert cuda.owns(value)
    assert not cuda.owns(array)
    back = cuda.to_numpy(value)
    assert (back.shape, back.dtype) == (array.shape, array.dtype)
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("where", ["host", "page-locked", "device"])
def test_copy_into(cuda, array, where):
    source = array
    if where == "page-locked":
        source = cuda.host_empty(array.shape, array.dtype)
        source[...] = array
    elif where == "device":
        source = cuda.from_numpy(array)
    target = cuda.from_numpy(np.zeros(array.shape, array.dtype))
    cuda.copy_into(target, source)
    np.testing.assert_array_equal(cuda.to_numpy(target), array)


def test_copies_are_copies(cuda):
    host = np.arange(4, dtype=np.float32)
    value = cuda.from_numpy(host)
    host[:] = -1
    cuda.to_numpy(value)[:] = -2
    np.testing.assert_array_equal(cuda.to_numpy(value), [0, 1, 2, 3])


def test_copy_into_what_is_not_contiguous(cuda):
    whole = cuda.from_numpy(np.zeros((3, 4), np.float32))
    cuda.copy_into(whole[:, ::2], np.ones((3, 2), np.float32))
    np.testing.assert_array_equal(cuda.to_numpy(whole), [[1, 0, 1, 0]] * 3)


def test_strings_are_refused(cuda):
    with pytest.raises(DeviceError, match="strings stay on the CPU"):
        cuda.from_numpy(np.array([b"a"], object))


def test_random_numbers(cuda):
    def drawn(seed):
        generator = cuda.random(seed)
        with cuda.scope():
            out = cuda.empty((100_000,), np.dtype(np.float32))
            return cuda.to_numpy(generator.standard_normal(dtype=np.float32, out=out))

    first = drawn(7)
    np.testing.assert_array_equal(first, drawn(7))
    assert not np.array_equal(first, drawn(8))
    assert not np.array_equal(drawn(None), drawn(None))
    assert abs(first.mean()) < 0.02
    assert abs(first.std() - 1) < 0.02


def test_a_seed_makes_runs_equal(workspace):
    option = c2.device_option("CUDA", random_seed=5)
    drawn = []
    for name in ("a", "b"):
        net = c2.Net(name)
        net.op("GaussianFill", [], name, shape=[1000], device_option=option)
        workspace.run(net)
        drawn.append(workspace[name])
    np.testing.assert_array_equal(*drawn)


def test_each_thread_has_a_stream_and_gives_it_back(cuda):
    def stream():
        with cuda.scope() as mine:
            return mine.ptr

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(stream).result()
    assert first != stream()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(stream).result() == first


def test_a_scope_puts_back_what_was_current(cuda):
    import cupy

    before = cupy.cuda.get_current_stream()
    with cuda.scope() as outer, cuda.scope() as inner:
        assert outer == inner == cupy.cuda.get_current_stream()
    assert cupy.cuda.get_current_stream() == before


def test_threads_with_a_workspace_each(cuda, registry):
    net = c2.Net("n")
    with c2.device_scope("CUDA"):
        net.Mul(["X", "X"], "Y")

    def run(k):
        own = c2.Workspace(registry=registry)
        for step in range(20):
            own.feed("X", np.full(100_000, k + step, np.float32))
            own.run_once(net)
            if not (own["Y"] == (k + step) ** 2).all():
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(run, range(0, 400, 100)))


@pytest.mark.parametrize("type_", ["simple", "compiled"])
def test_a_net_beside_the_cpu(workspace, cuda, type_):
    net = c2.Net("n")
    with c2.device_scope("CUDA"):
        net.Sqr("X", "squares")
    net.Erf("squares", "erf")
    with c2.device_scope("CUDA"):
        net.Negative("erf", "Y")
    net.proto.type = type_
    net.proto.external_output.append("Y")
    for factor in (1, -2):
        workspace.feed("X", factor * np.array([0.5, 1], np.float32))
        workspace.run(net)
    np.testing.assert_allclose(workspace["Y"], [-0.8427008, -1.0], rtol=1e-6)
    assert cuda.owns(workspace.blob("Y").value)


def test_a_steady_run_keeps_its_arrays(workspace):
    net = c2.Net("n")
    with c2.device_scope("CUDA"):
        net.Relu("X", "Y")
    workspace.feed("X", np.ones(5, np.float32), "CUDA")
    workspace.run(net)
    held = workspace.blob("Y").value
    workspace.feed("X", -np.ones(5, np.float32))
    workspace.run(net)
    assert workspace.blob("Y").value is held
    np.testing.assert_array_equal(workspace["Y"], np.zeros(5))


def test_out_of_memory_in_mid_net(cuda, workspace):
    import cupy

    pool = cupy.get_default_memory_pool()
    cuda.release()
    before, others = pool.get_limit(), pool.total_bytes()
    pool.set_limit(size=others + (64 << 20))
    net = c2.Net("large")
    with c2.device_scope("CUDA"):
        net.Tile("X", "wide", tiles=8, axis=0)
        net.Tile("wide", "wider", tiles=8, axis=0)
    try:
        workspace.feed("X", np.ones(1 << 20, np.float32), "CUDA")
        with pytest.raises(OutOfMemory, match=r"'wide' float32 \(8388608,\) 33.6 MB on CUDA"):
            workspace.run(net)
        gc.collect()
        assert pool.total_bytes() < others + (16 << 20)
        workspace.feed("X", np.ones(1 << 10, np.float32), "CUDA")
        workspace.run(net)
        assert workspace["wider"].sum() == 1 << 16
    finally:
        pool.set_limit(size=before)


def test_two_processes_on_a_card(cuda):
    program = "from c2_cuda.device import CUDA; assert CUDA.probe() is None, CUDA.probe()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def second(cuda):
    if cuda.describe()["GPUs"] < 2:
        pytest.skip("there is one GPU")
    return cuda.at(1)


def test_between_gpus(cuda, second, array):
    target = second.from_numpy(np.zeros(array.shape, array.dtype))
    second.copy_into(target, cuda.from_numpy(array))
    assert second.owns(target)
    np.testing.assert_array_equal(second.to_numpy(target), array)


def test_a_net_over_two_gpus(second, workspace):
    net = c2.Net("n")
    with c2.device_scope("CUDA"):
        net.Sqr("X", "squares")
    with c2.device_scope("CUDA:1"):
        net.Negative("squares", "Y")
    workspace.feed("X", np.array([2, 3], np.float32))
    workspace.run(net)
    np.testing.assert_array_equal(workspace["Y"], [-4, -9])
    assert second.owns(workspace.blob("Y").value)
