"""Gradients that nobody reads are not computed."""

import numpy as np
import pytest

import c2
from c2.compile.net import CompiledNet
from c2.errors import MissingBlob
from c2.graph.check import check_net
from c2.registry import core_registry


def gradient_net(type_, **args):
    net = c2.Net("gradient")
    outputs = ["dw", "db", "dx"][: 2 if args.get("no_bias") else 3]
    net.op(f"{type_}Gradient", ["x", "w", "dy"], outputs, **args)
    net.add_external_output("dw")
    return net


FEEDS = {
    "FC": {"x": (3, 4), "w": (2, 4), "dy": (3, 2)},
    "Conv": {"x": (2, 3, 5, 5), "w": (4, 3, 3, 3), "dy": (2, 4, 3, 3)},
}


def prepared(type_):
    workspace, rng = c2.Workspace(registry=core_registry()), np.random.default_rng(0)
    for name, shape in FEEDS[type_].items():
        workspace.feed(name, rng.standard_normal(shape).astype(np.float32))
    return workspace


@pytest.mark.parametrize(
    ("type_", "args", "left"),
    [("FC", {}, ["dw", "db"]), ("Conv", {"kernel": 3}, ["dw"]), ("Conv", {"kernel": 3, "no_bias": 1}, ["dw"])],
)  # fmt: skip
def test_unread_gradients_are_not_computed(type_, args, left):
    net, simple, workspace = gradient_net(type_, **args), prepared(type_), prepared(type_)
    simple.create(net).run()
    compiled = CompiledNet(check_net(net.proto), workspace, workspace.registry)
    compiled.run()
    assert compiled.program().stages[0].node.outputs == left
    np.testing.assert_allclose(workspace["dw"], simple["dw"], rtol=1e-5, atol=1e-6)
    with pytest.raises(MissingBlob, match="nobody reads it, so it is not computed"):
        workspace[net.proto.op[0].output[len(left)]]


def test_kept_gradients_are_computed():
    net, simple, workspace = gradient_net("FC"), prepared("FC"), prepared("FC")
    simple.create(net).run()
    CompiledNet(check_net(net.proto), workspace, workspace.registry, keep=["dx"]).run()
    np.testing.assert_allclose(workspace["dx"], simple["dx"], rtol=1e-5)
