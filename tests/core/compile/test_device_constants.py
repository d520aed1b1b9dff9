"""Constants of another device: passes compute with them, and what they make goes there."""

import numpy as np
import pytest
from far_device import FAR, FarDevice

import c2
from c2.compile.net import CompiledNet
from c2.graph.check import check_net
from c2.graph.device import put_on
from c2.registry import core_registry


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_scales_are_folded_into_weights_there(rng):
    far, registry = FarDevice(), core_registry()
    registry.add_device(far, "far-away")
    net = c2.Net("fold")
    net.FC(["x", "w", "b"], "h")
    net.Mul(["h", "scale"], "m", broadcast=1, axis=1)
    net.Add(["m", "shift"], "y", broadcast=1, axis=1)
    net.proto.external_output.append("y")
    shapes = {"x": (3, 4), "w": (5, 4), "b": (5,), "scale": (5,), "shift": (5,)}
    values = {n: rng.standard_normal(s).astype(np.float32) for n, s in shapes.items()}
    workspace = c2.Workspace(registry=registry)
    for name, value in values.items():
        workspace.feed(name, value, FAR)
    checked = check_net(put_on(net.proto, FAR), registry)
    made = CompiledNet(checked, workspace, registry, constants=set(values) - {"x"})
    far.log.clear()
    made.run()
    assert [s.node.type for s in made.program().stages] == ["FC"]
    expected = (values["x"] @ values["w"].T + values["b"]) * values["scale"] + values["shift"]
    np.testing.assert_allclose(workspace["y"], expected, rtol=1e-4, atol=1e-5)
    assert far.log.count("upload") == 2  # the new weights and bias, once
    workspace.feed("x", -values["x"])
    far.log.clear()
    made.run()
    assert far.log == []
