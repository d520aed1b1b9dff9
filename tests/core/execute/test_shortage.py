"""A device that runs out of memory in mid-net: the error, what is freed, and that the workspace goes on."""

import gc
import weakref

import numpy as np
import pytest

import c2
from c2.errors import OutOfMemory
from c2.registry import Device, core_registry

ROOM = 10_000  # bytes


class Small(np.ndarray):
    """An array of the small device."""


class SmallDevice(Device):
    """A device with little memory, which counts what lives there."""

    name = "FPGA"
    source = "tests"

    def __init__(self):
        self.used, self.released = 0, 0

    def probe(self):
        return None

    def namespace(self):
        return np

    def empty(self, shape, dtype):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if self.used + size > ROOM:
            raise MemoryError(f"no room for {size} bytes")
        array = np.empty(shape, dtype).view(Small)
        self.used += size
        weakref.finalize(array, self._gone, size)
        return array

    def _gone(self, size):
        self.used -= size

    def owns(self, value):
        return isinstance(value, Small)

    def from_numpy(self, array):
        made = self.empty(array.shape, array.dtype)
        made[...] = array
        return made

    def to_numpy(self, value):
        return np.array(value).view(np.ndarray)

    def copy_into(self, target, value):
        target[...] = value

    def release(self):
        self.released += 1


@pytest.fixture
def small():
    return SmallDevice()


@pytest.fixture
def workspace(small):
    registry = core_registry()
    registry.add_device(small, "tests")
    return c2.Workspace(registry=registry)


def growing(type_):
    net = c2.Net("growing")
    with c2.device_scope("FPGA"):
        net.Negative("X", "a")
        net.Sqr("a", "b")
        net.Relu("b", "c")
    net.proto.type = type_
    net.proto.external_output.extend("abc")
    return net


@pytest.mark.parametrize("type_", ["simple", "compiled"])
def test_shortage(workspace, small, type_):
    net = growing(type_)
    workspace.feed("other", np.zeros(10, np.float32), "FPGA")
    workspace.feed("X", np.ones(800, np.float32), "FPGA")
    with pytest.raises(OutOfMemory) as caught:
        workspace.run(net)
    message = str(caught.value)
    assert "no room for 3200 bytes" in message
    assert "Sqr" in message or "Relu" in message
    for name in "Xa":
        assert f"'{name}' float32 (800,) 3.2 kB on FPGA" in message
    assert f"Net '{net.proto.name}' freed 6.4 kB of its own" in message
    gc.collect()
    assert small.used == 3240  # X and other
    assert small.released == 1
    workspace.feed("X", np.full(100, 2, np.float32), "FPGA")
    workspace.run(net)
    np.testing.assert_array_equal(workspace["c"], np.full(100, 4))


def test_a_freed_blob_says_why_it_is_empty(workspace):
    workspace.feed("X", np.ones(800, np.float32), "FPGA")
    with pytest.raises(MemoryError):
        workspace.run(growing("simple"))
    with pytest.raises(c2.MissingBlob, match="ran out of memory and freed it"):
        workspace.fetch("a")


def test_parameters_stay(workspace):
    """What a net updates in place was there before it."""
    net = c2.Net("update")
    with c2.device_scope("FPGA"):
        net.Negative("W", "W")
        net.Tile("W", "b", tiles=8, axis=0)
    workspace.feed("W", np.ones(400, np.float32), "FPGA")
    with pytest.raises(OutOfMemory):
        workspace.run(net)
    assert abs(workspace["W"]).tolist() == [1] * 400
