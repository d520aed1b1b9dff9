"""Nets over two devices: the CPU and one made here, whose arrays cannot be mixed with the CPU's."""

import numpy as np
import pytest
from far_device import FAR, FarArray, FarDevice

import c2
from c2.cli.commands.explain import explain_placement
from c2.graph.check import check_net
from c2.place.place import place_net
from c2.registry import core_registry


@pytest.fixture
def far():
    return FarDevice(declines=("Softmax",))


@pytest.fixture
def registry(far):
    made = core_registry()
    made.add_device(far, "far-away")
    return made


def there(net, type_, inputs, outputs, **args):
    net.op(type_, inputs, outputs, device_option=c2.device_option(FAR), **args)


def crossing_net():
    net = c2.Net("crossing")
    there(net, "Add", ["x", "w"], "h")
    there(net, "Negative", "h", "h")
    net.op("Negative", "h", "y")
    net.op("Add", ["h", "y"], "z")
    return net


def placed(net, registry, **homes):
    return place_net(check_net(net.proto, registry), registry, homes)


def test_copies_are_added_where_inputs_live_elsewhere(registry):
    result = placed(crossing_net(), registry)
    assert [
        (p.checked.type, p.checked.inputs, p.checked.outputs, p.device.name) for p in result.ops
    ] == [
        ("CopyFromCPUInput", ["x"], ["x_fpga"], FAR),
        ("CopyFromCPUInput", ["w"], ["w_fpga"], FAR),
        ("Add", ["x_fpga", "w_fpga"], ["h"], FAR),
        ("Negative", ["h"], ["h"], FAR),
        ("EnsureCPUOutput", ["h"], ["h_cpu"], "CPU"),
        ("Negative", ["h_cpu"], ["y"], "CPU"),
        ("Add", ["h_cpu", "y"], ["z"], "CPU"),
    ]
    assert [c.why for c in result.copies][-1] == f"added: Negative runs on CPU and 'h' is on {FAR}"
    assert not placed(crossing_net(), registry, x=FAR, w=FAR).ops[0].why.startswith("added")


def test_a_copy_is_made_again_after_a_write(registry):
    net = c2.Net("again")
    there(net, "Negative", "x", "a")
    net.op("Negative", "x", "x")
    there(net, "Negative", "x", "b")
    copied = [p.checked.outputs for p in placed(net, registry).ops if p.crosses is not None]
    assert copied == [["x_fpga"], ["x_fpga"]]


@pytest.mark.parametrize("kind", ["simple", "compiled"])
def test_values_are_those_of_the_cpu(registry, far, kind):
    x, w = np.arange(6, dtype=np.float32).reshape(2, 3), np.full((2, 3), 2, np.float32)
    net = crossing_net()
    net.proto.type = kind
    net.add_external_output("z", "h")
    workspace = c2.Workspace(registry=registry)
    for _ in range(3):
        workspace.feed("x", x)
        workspace.feed("w", w)
        workspace.run(net)
        np.testing.assert_array_equal(workspace["z"], np.zeros((2, 3)))
        np.testing.assert_array_equal(workspace["h"], -(x + w))
        assert isinstance(workspace.blob("h").value, FarArray)
        assert workspace.blob("h").device == FAR
        x = x + 1
    assert far.log.count("probe") == 1, "a device is probed once"


def test_feeding_goes_where_the_blob_lives(registry, far):
    workspace = c2.Workspace(registry=registry)
    workspace.feed("w", np.ones(3, np.float32), device=FAR)
    array = workspace.blob("w").value
    workspace.feed("w", np.full(3, 2, np.float32))
    assert workspace.blob("w").value is array
    np.testing.assert_array_equal(workspace["w"], [2, 2, 2])
    net = c2.Net("update")
    there(net, "Add", ["w", "w"], "w")
    workspace.run(net)
    assert workspace.blob("w").value is array
    np.testing.assert_array_equal(workspace["w"], [4, 4, 4])


def test_an_update_of_a_blob_of_another_device_is_refused(registry):
    net = c2.Net("update")
    there(net, "Add", ["total", "x"], "total")
    with pytest.raises(
        c2.DeviceError, match=f"'total' lives on CPU and the operator updates it in place on {FAR}"
    ):
        placed(net, registry)
    assert placed(net, registry, total=FAR).copies


def test_the_nets_device_is_that_of_operators_without_one(registry):
    net = c2.Net("all")
    net.op("Negative", "x", "y")
    net.op("Negative", "y", "z", device_option=c2.device_option("CPU"))
    net.proto.device_option.CopyFrom(c2.device_option(FAR))
    result = placed(net, registry)
    assert [(p.device.name, p.why) for p in result.ops if p.crosses is None] == [
        (FAR, "the net's device_option"), ("CPU", "the operator's device_option"),
    ]  # fmt: skip


def test_explicit_copies_move_a_blob(registry):
    net = c2.Net("explicit")
    there(net, "CopyFromCPUInput", "x", "far_x")
    there(net, "Negative", "far_x", "far_y")
    there(net, "EnsureCPUOutput", "far_y", "y")
    workspace = c2.Workspace(registry=registry)
    workspace.feed("x", np.ones(2, np.float32))
    workspace.run(net)
    assert not isinstance(workspace.blob("y").value, FarArray)
    np.testing.assert_array_equal(workspace["y"], [-1, -1])
    assert not workspace.runnable(net).placed.copies


def test_a_kernel_that_the_device_has_not(registry):
    net = c2.Net("missing")
    there(net, "Softmax", "x", "y")
    workspace = c2.Workspace(registry=registry)
    workspace.feed("x", np.ones((1, 2), np.float32))
    with pytest.raises(
        c2.MissingKernel, match=f"(?s)no kernel for Softmax on {FAR}.*reference: not on this device"
    ):
        workspace.run(net)


def test_a_device_that_is_asked_for_is_used_or_an_error():
    registry = core_registry()
    net = crossing_net()
    with pytest.raises(
        c2.DeviceError, match=f"device '{FAR}' is not registered. Have: CPU. A plugin may bring it"
    ):
        placed(net, registry)
    registry.add_device(FarDevice(broken="no board in slot 3"), "far-away")
    with pytest.raises(
        c2.DeviceError,
        match=f"device {FAR} of far-away is not usable: no board in slot 3. Run: c2 doctor",
    ):
        placed(net, registry)


def test_explain_shows_devices_and_copies(registry, monkeypatch):
    monkeypatch.setattr(c2.registry, "default", lambda: registry)
    rows = explain_placement(crossing_net().proto, {})
    assert [(r["type"], r["device"], r["kernel"]) for r in rows][:3] == [
        ("CopyFromCPUInput", FAR, "copy"), ("CopyFromCPUInput", FAR, "copy"), ("Add", FAR, "reference"),
    ]  # fmt: skip
    assert rows[0]["why"] == f"added: Add runs on {FAR} and 'x' is on CPU"
    assert rows[2]["why"] == "reference kernel (portable)"
