"""Operators without a kernel on their device: an error that says what to do, or the CPU where the net allows it."""

import numpy as np
import pytest
from far_device import FAR, FarArray, FarDevice

import c2
from c2.cli.commands.explain import explain_placement
from c2.graph.check import check_net
from c2.place.fallback import set_fallback
from c2.place.place import place_net
from c2.registry import core_registry


@pytest.fixture
def registry():
    made = core_registry()
    made.add_device(FarDevice(declines=("Tanh",)), "far-away")
    return made


@pytest.fixture
def net():
    made = c2.Net("mixed")
    with c2.device_scope(FAR):
        made.Negative("x", "a")
        made.Tanh("a", "b")
        made.Negative("b", "y")
    return made


def workspace_of(registry):
    workspace = c2.Workspace(registry=registry)
    workspace.feed("x", np.array([0.5, -1], np.float32))
    return workspace


def test_without_leave_it_is_an_error_when_the_net_is_made(registry, net):
    with pytest.raises(c2.MissingKernel, match="no kernel for Tanh on FPGA") as caught:
        workspace_of(registry).create(net)
    assert "reference: not on this device" in str(caught.value)
    assert str(caught.value).endswith("c2.place.fallback.set_fallback(net)")


@pytest.mark.parametrize("type_", ["simple", "compiled"])
def test_with_leave_it_runs_on_the_cpu_with_copies(registry, net, type_):
    set_fallback(net)
    net.proto.type = type_
    net.proto.external_output.append("y")
    workspace = workspace_of(registry)
    workspace.run(net)
    np.testing.assert_allclose(workspace["y"], np.tanh([0.5, -1]), rtol=1e-6)
    assert isinstance(workspace.blob("y").value, FarArray)


def test_what_was_done_is_told(registry, net, monkeypatch):
    set_fallback(net)
    placed = place_net(check_net(net.proto, registry), registry)
    assert [(p.checked.type, p.device.name) for p in placed.ops] == [
        ("CopyFromCPUInput", FAR), ("Negative", FAR), ("EnsureCPUOutput", "CPU"), ("Tanh", "CPU"),
        ("CopyFromCPUInput", FAR), ("Negative", FAR),
    ]  # fmt: skip
    told = placed.report()
    assert len(told) == 4
    assert told[2].endswith("fell back to the CPU: Tanh has no kernel on FPGA")
    monkeypatch.setattr(c2.registry, "default", lambda: registry)
    assert net.summary().placement == told
    assert told[2] in str(net.summary())
    why = next(r["why"] for r in explain_placement(net.proto, {}) if r["type"] == "Tanh")
    assert why.startswith("fell back to the CPU: Tanh has no kernel on FPGA; reference kernel")


def test_another_device_to_fall_back_to_is_refused(registry, net):
    set_fallback(net, "CUDA")
    with pytest.raises(c2.DeviceError, match="argument 'fallback' of net 'mixed.*': expected CPU"):
        workspace_of(registry).create(net)


def test_plans_need_no_device_that_works(monkeypatch, net):
    registry = core_registry()
    registry.add_device(FarDevice(broken="no board", declines=("Tanh",)), "far-away")
    monkeypatch.setattr(c2.registry, "default", lambda: registry)
    rows = explain_placement(net.proto, {})
    assert [(r["type"], r["device"], r["kernel"]) for r in rows] == [
        ("CopyFromCPUInput", FAR, "copy"), ("Negative", FAR, "reference"), ("Tanh", FAR, "none"),
        ("Negative", FAR, "reference"),
    ]  # fmt: skip
