"""Operators in a row on a device that records: one call, the same numbers."""

import sys

import numpy as np
import pytest

import c2
from c2.compile.native import NativeKernel
from c2.registry import CPUDevice, core_registry, native

NAME = "OPENGL"  # a name that Caffe2's messages have and nothing else here uses


class Recorder(CPUDevice):
    """Computes with NumPy, and notes which calls it was given to record."""

    name = NAME

    def __init__(self, able=True):
        self.able, self.recorded, self.runs = able, [], 0

    def record(self, calls):
        if not self.able:
            return None
        self.recorded.append(len(calls))

        def whole():
            self.runs += 1
            for call in calls:
                call()

        return whole


def run(device, net, outputs, runs=1, with_natives=False, **inputs):
    registry = core_registry()
    if with_natives:
        registry.add_module(sys.modules[__name__], "tests")
    registry.add_device(device, "test")
    workspace = c2.Workspace(registry=registry)
    for name, value in inputs.items():
        workspace.feed(name, value, NAME)
    net.proto.type = "compiled"
    net.proto.external_output.extend(outputs)
    for _ in range(runs):
        workspace.run(net)
    return [workspace[name] for name in outputs]


def on(net, type_, inputs, output, device=NAME, **args):
    net.op(type_, inputs, output, device_option=c2.device_option(device), **args)


@pytest.fixture
def x():
    return np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)


def test_a_row_of_operators_is_one_call(x):
    net, device = c2.Net("row"), Recorder()
    on(net, "Negative", "x", "a")
    on(net, "Exp", "a", "b")
    on(net, "Add", ["b", "x"], "y")
    (y,) = run(device, net, ["y"], runs=3, x=x)
    np.testing.assert_allclose(y, np.exp(-x) + x, rtol=1e-6)
    assert (device.recorded, device.runs) == ([3], 3)


def test_what_runs_elsewhere_stays_in_its_place_and_copies_are_not_recorded(x):
    net, device = c2.Net("between"), Recorder()
    on(net, "Negative", "x", "a")
    on(net, "Exp", "a", "b")
    on(net, "Sqr", "b", "c", device="CPU")
    on(net, "Add", ["c", "a"], "d")
    on(net, "Negative", "d", "y")
    (y,) = run(device, net, ["y"], x=x)
    np.testing.assert_allclose(y, x - np.exp(-x) ** 2, rtol=1e-5)
    assert device.recorded == [2, 2]


def test_an_operator_whose_shapes_only_values_tell_is_not_recorded(x):
    net, device = c2.Net("values"), Recorder()
    on(net, "Negative", "x", "a")
    on(net, "Unique", "i", "u")
    on(net, "Exp", "a", "b")
    on(net, "Exp", "b", "y")
    (y,) = run(device, net, ["y"], x=x, i=np.array([1, 1, 2]))
    np.testing.assert_allclose(y, np.exp(np.exp(-x)), rtol=1e-6)
    assert device.recorded == [2]


def test_one_operator_and_a_device_that_does_not_record_are_run_as_they_are(x):
    for able, count in ((True, 1), (False, 3)):
        net, device = c2.Net("plain"), Recorder(able)
        for k in range(count):
            on(net, "Negative", "x" if k == 0 else f"h{k - 1}", f"h{k}")
        (y,) = run(device, net, [f"h{count - 1}"], x=x)
        np.testing.assert_array_equal(y, -x)
        assert (device.recorded, device.runs) == ([], 0)


def test_an_error_in_a_recorded_row_is_the_operator_s(x):
    net = c2.Net("wrong")
    on(net, "Negative", "x", "a")
    on(net, "Gather", ["a", "i"], "y")
    with pytest.raises(c2.errors.C2Error, match="7"):
        run(Recorder(), net, ["y"], x=x, i=np.array([7]))


@native("FC", device=NAME, engine="")
def build_fc_with_relu(request):
    if [type_ for type_, _ in request.post] != ["Relu"]:
        return "the operator's kernel serves"

    def launch(arrays):
        X, W, b, Y = arrays
        np.maximum(X @ W.T + b, 0, out=Y)

    return NativeKernel(launch=launch)


def test_kernels_that_are_launched_are_recorded_with_what_they_have_fused(x):
    rng = np.random.default_rng(1)
    w, b = (rng.standard_normal(s).astype(np.float32) for s in ((5, 4), (5,)))
    net, device = c2.Net("fused"), Recorder()
    on(net, "FC", ["x", "w", "b"], "h")
    on(net, "Relu", "h", "r")
    on(net, "Negative", "r", "y")
    (y,) = run(device, net, ["y"], runs=2, with_natives=True, x=x, w=w, b=b)
    np.testing.assert_allclose(y, -np.maximum(x @ w.T + b, 0), rtol=1e-5, atol=1e-6)
    assert (device.recorded, device.runs) == ([2], 2)
