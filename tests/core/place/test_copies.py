"""Copies between devices, where the net asks for them and where placement adds them; several devices of one kind."""

import numpy as np
import pytest
from far_device import FAR, FarArray, FarDevice

import c2
from c2.registry import core_registry

X = np.array([1.5, -2], np.float32)


class Numbered(FarDevice):
    """Devices of one kind that reach each other."""

    def __init__(self, number=0):
        super().__init__()
        self.name = FAR if number == 0 else f"{FAR}:{number}"
        self._next = {}

    def at(self, number):
        if number and number not in self._next:
            self._next[number] = Numbered(number)
        return self._next[number] if number else self

    def reaches(self, other):
        return isinstance(other, Numbered)


@pytest.fixture
def far():
    return Numbered()


@pytest.fixture
def workspace(far):
    registry = core_registry()
    registry.add_device(far, "far-away")
    made = c2.Workspace(registry=registry)
    made.feed("x", X)
    return made


def copied(workspace, type_, source, target, inputs, option=FAR):
    workspace.feed("x", X, source)
    net = c2.Net("copy")
    net.op(type_, inputs, "y", device_option=c2.device_option(option))
    workspace.run(net)
    np.testing.assert_array_equal(workspace["y"], X)
    assert workspace.blob("y").device == target
    assert isinstance(workspace.blob("y").value, FarArray) == (target != "CPU")


@pytest.mark.parametrize(
    ("type_", "source", "target"),
    [
        ("CopyCPUToGPU", "CPU", FAR), ("CopyFromCPUInput", "CPU", FAR), ("CopyGPUToCPU", FAR, "CPU"),
        ("EnsureCPUOutput", FAR, "CPU"), ("EnsureCPUOutput", "CPU", "CPU"), ("Copy", FAR, FAR),
        ("Copy", "CPU", FAR),
    ],
)  # fmt: skip
def test_copy(workspace, type_, source, target):
    copied(workspace, type_, source, target, "x")


@pytest.mark.parametrize("source", ["CPU", FAR, f"{FAR}:1"])
@pytest.mark.parametrize("home", ["CPU", FAR, f"{FAR}:1"])
def test_copy_on_device_like(workspace, source, home):
    workspace.feed("dst", np.zeros(3, np.float32), home)
    copied(workspace, "CopyOnDeviceLike", source, home, ["x", "dst"])


def test_between_two_of_a_kind_nothing_goes_over_the_host(workspace, far):
    net = c2.Net("two")
    net.Negative("x", "a", device_option=c2.device_option(FAR))
    net.Negative("a", "y", device_option=c2.device_option(f"{FAR}:1"))
    workspace.run(net)
    np.testing.assert_array_equal(workspace.fetch("y"), X)
    copies = workspace.runnable(net).placed.copies
    assert [(c.checked.type, c.checked.outputs, c.device.name) for c in copies] == [
        ("CopyFromCPUInput", ["x_fpga"], FAR), ("Copy", ["a_fpga_1"], f"{FAR}:1"),
    ]  # fmt: skip
    assert "download" not in far.log


@pytest.mark.parametrize(
    ("type_", "source", "back"),
    [("CopyCPUToGPU", "CPU", "CopyGPUToCPU"), ("CopyGPUToCPU", FAR, "CopyCPUToGPU")],
)
def test_gradients_are_copies_back(workspace, type_, source, back):
    net = c2.Net("gradient")
    net.op(type_, "x", "y", device_option=c2.device_option(FAR))
    found = net.add_gradients({"y": "dy"})
    assert net.proto.op[-1].type == back
    workspace.feed("x", X, source)
    workspace.feed("dy", 2 * X, FAR if source == "CPU" else "CPU")
    workspace.run(net)
    np.testing.assert_array_equal(workspace[found["x"]], 2 * X)
    assert workspace.blob(found["x"]).device == source
