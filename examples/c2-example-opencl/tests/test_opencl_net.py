"""Nets on OPENCL: alone, with the CPU in between, and a LeNet against the CPU."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import c2

DEFAULT_SHARED = Path(__file__).resolve().parents[4] / "shared"
SHARED = Path(os.environ.get("C2_SHARED", DEFAULT_SHARED)) / "data"


@pytest.fixture
def workspace(opencl, registry):
    return c2.Workspace(registry=registry)


def test_a_net_in_a_workspace(workspace, opencl):
    net = c2.Net("n")
    with c2.device_scope("OPENCL"):
        net.Relu("X", "Y")
    X = np.array([[-1, 2], [3, -4]], np.float32)
    workspace.feed("X", X)
    for factor in (1, -2):
        workspace.feed("X", factor * X)
        workspace.run(net)
        np.testing.assert_array_equal(workspace["Y"], np.maximum(factor * X, 0))
    assert opencl.owns(workspace.blob("Y").value)


def test_in_place(workspace):
    net = c2.Net("n")
    with c2.device_scope("OPENCL"):
        net.Relu("X", "X")
        net.Add(["X", "X"], "Y")
    workspace.feed("X", np.array([-1, 2], np.float32), "OPENCL")
    workspace.run(net)
    np.testing.assert_array_equal(workspace["X"], [0, 2])
    np.testing.assert_array_equal(workspace["Y"], [0, 4])


def test_devices_take_turns(workspace, opencl):
    """Erf has no kernel for OPENCL: it runs on the CPU, and placement copies there and back."""
    net = c2.Net("n")
    with c2.device_scope("OPENCL"):
        net.Sqr("X", "squares")
    net.Erf("squares", "erf")
    with c2.device_scope("OPENCL"):
        net.Negative("erf", "Y")
    workspace.feed("X", np.array([0.5, 1], np.float32))
    workspace.run(net)
    np.testing.assert_allclose(workspace["Y"], [-0.2763264, -0.8427008], rtol=1e-6)
    assert opencl.owns(workspace.blob("Y").value)
    assert isinstance(workspace.blob("erf").value, np.ndarray)


def test_shapes_may_change(workspace):
    net = c2.Net("n")
    with c2.device_scope("OPENCL"):
        net.Softmax("X", "Y")
    for shape in [(2, 3), (1, 4), (2, 3), (0, 2)]:
        workspace.feed("X", np.ones(shape, np.float32))
        workspace.run(net)
        np.testing.assert_allclose(workspace["Y"], np.full(shape, 1 / max(shape[1], 1)), rtol=1e-6)


def test_threads_with_a_workspace_each(opencl, registry):
    net = c2.Net("n")
    with c2.device_scope("OPENCL"):
        net.Mul(["X", "X"], "Y")

    def run(k):
        own = c2.Workspace(registry=registry)
        for step in range(20):
            own.feed("X", np.full(1000, k + step, np.float32))
            own.run_once(net)
            if not (own["Y"] == (k + step) ** 2).all():
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(run, range(0, 400, 100)))


def gradients(device, registry):
    """Gradients of a small network's parameters and input, forward and backward on one device."""
    net = c2.Net("n")
    with c2.device_scope(device):
        net.Conv(["X", "F", "c"], "conv", kernel=3, pad=1)
        net.MaxPool("conv", "pool", kernel=2, stride=2)
        net.LeakyRelu("pool", "leaky", alpha=0.1)
        net.AveragePool("leaky", "average", kernel=2)
        net.FC(["average", "W", "b"], "fc")
        net.Tanh("fc", "tanh")
        net.Sigmoid("tanh", "sigmoid")
        net.Softmax("sigmoid", "Y")
    found = net.add_gradients({"Y": "dY"})
    rng = np.random.default_rng(1)
    shapes = {
        "X": (2, 3, 8, 8),
        "F": (4, 3, 3, 3),
        "c": (4,),
        "W": (5, 36),
        "b": (5,),
        "dY": (2, 5),
    }
    workspace = c2.Workspace(registry=registry)
    for name, shape in shapes.items():
        workspace.feed(name, rng.normal(0, 0.2, shape).astype(np.float32))
    workspace.run(net)
    return {n: workspace[found[n]] for n in shapes if n != "dY"}


def test_gradients_equal_the_cpu(opencl, registry):
    expected = gradients("CPU", registry)
    actual = gradients("OPENCL", registry)
    for name, value in expected.items():
        assert np.abs(value).max() > 1e-6, f"the gradient of {name} says nothing"
        np.testing.assert_allclose(actual[name], value, rtol=1e-3, atol=1e-7, err_msg=name)


def read_lenet():
    folder = SHARED / "lenet_mnist"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent: set C2_SHARED to the folder of shared data")
    return c2.load_model(folder)


def digits(count):
    with np.load(SHARED / "mnist10k.npz") as data:
        return (data["x"][:count] / 255).astype(np.float32), data["y"][:count]


def on_device(proto, device):
    copy = type(proto)()
    copy.CopyFrom(proto)
    copy.device_option.CopyFrom(c2.device_option(device))
    return copy


def test_lenet_equals_the_cpu(opencl, registry):
    init, predict = read_lenet()
    x, y = digits(256)
    scores = {}
    for device in ("CPU", "OPENCL"):
        workspace = c2.Workspace(registry=registry)
        workspace.run_once(on_device(init, device))
        workspace.feed(predict.external_input[0], x)
        workspace.run(on_device(predict, device))
        scores[device] = workspace[predict.external_output[0]]
    assert opencl.owns(workspace.blob(predict.external_output[0]).value), (
        "scores stay on the device"
    )
    np.testing.assert_allclose(scores["OPENCL"], scores["CPU"], rtol=1e-4, atol=1e-3)
    assert (scores["OPENCL"].argmax(1) == y).mean() > 0.98
