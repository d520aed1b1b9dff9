"""Whole nets through c2-mkl: the zoo's graphs, inner blobs included, and what laying out does to memory."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

import c2
from c2.compile.net import CompiledNet
from c2.graph.check import check_net
from c2.registry import core_registry

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("C2_SHARED", ROOT.parent / "shared"))
INSIDE = ("Sum", "Concat", "Conv", "MaxPool")


def zoo(name, size):
    if not (SHARED / "data" / "zoo").is_dir():
        pytest.skip("the zoo's graphs are not there: name their folder in C2_SHARED")
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        from zoo_models import zoo_model
    finally:
        sys.path.pop(0)
    return zoo_model(name, size=size)


def blobs_to_compare(net):
    """The last results, before a softmax that hides differences, and some from inside."""
    inside = [op.output[0] for op in net.op if op.type in INSIDE][::5]
    return list(dict.fromkeys([net.op[-1].output[0], net.op[-2].output[0], *inside]))


@pytest.mark.parametrize(
    ("name", "size"), [("resnet50", 224), ("squeezenet", 227), ("inception_v2", 224)]
)
def test_zoo_nets_equal_the_simple_net(registry, name, size):
    model = zoo(name, size)
    core = core_registry()
    feeds = {**model.parameters, model.data: model.input(batch=1)}
    names = blobs_to_compare(model.net)
    workspaces = [c2.Workspace(registry=r) for r in (core, registry, registry)]
    for workspace in workspaces:
        for blob, value in feeds.items():
            workspace.feed(blob, value)
    workspaces[0].create(model.net).run()
    for workspace, keep in ((workspaces[1], names), (workspaces[2], names[1:2])):
        net = CompiledNet(
            check_net(model.net, registry),
            workspace,
            registry,
            constants=model.parameters,
            keep=keep,
            threads=2,
        )
        net.run()
        for blob in keep:
            workspace.blob(blob).value[...] = np.nan
        net.run()
        for blob in keep:
            expected = workspaces[0][blob]
            error = np.abs(workspace[blob] - expected).max() / np.abs(expected).max()
            assert error < 2e-5, f"{blob}: {error}"
        assert any(s.node.label == "Conv+Relu" and s.engine == "MKL" for s in net.program().stages)


def test_a_summand_that_lives_on_is_not_overwritten(registry):
    net = c2.Net("shared")
    net.op("Relu", "x", "side")
    net.op("Conv", ["x", "w"], "a", kernel=3, pad=1)
    net.op("Sum", ["a", "side"], "s")
    net.op("Relu", "s", "r")
    net.op("Mul", ["r", "side"], "y")
    net.add_external_output("y")
    rng = np.random.default_rng(0)
    feeds = {
        "x": rng.standard_normal((2, 32, 9, 9)).astype(np.float32),
        "w": (rng.standard_normal((32, 32, 3, 3)) / 17).astype(np.float32),
    }
    results = []
    for made, kind in ((core_registry(), "simple"), (registry, "compiled")):
        workspace = c2.Workspace(registry=made)
        for name, value in feeds.items():
            workspace.feed(name, value)
        net.proto.type = kind
        workspace.run(net)
        results.append(workspace["y"])
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4, atol=1e-5)
    compiled = CompiledNet(check_net(net.proto, registry), workspace, registry)
    assert "Conv+Sum+Relu" in [s.node.label for s in compiled.program().stages]


def test_pools_and_concat_keep_the_layout_of_convolutions(registry):
    net = c2.Net("inside")
    net.op("Conv", ["x", "w"], "a", kernel=1)
    net.op("Conv", ["x", "w"], "b", kernel=1)
    net.op("Concat", ["a", "b"], ["j", "sizes"], axis=1)
    net.op("MaxPool", "j", "p", kernel=3, stride=2)
    net.op("Sigmoid", "p", "q")
    net.op("Conv", ["q", "v"], "y", kernel=1)
    net.add_external_output("y")
    workspace = c2.Workspace(registry=registry)
    workspace.feed("x", np.ones((1, 16, 9, 9), np.float32))
    workspace.feed("w", np.ones((32, 16, 1, 1), np.float32))
    workspace.feed("v", np.ones((8, 64, 1, 1), np.float32))
    compiled = CompiledNet(
        check_net(net.proto, registry), workspace, registry, constants=["w", "v"]
    )
    compiled.run()
    program = compiled.program()
    assert [s.engine for s in program.stages].count("reorder") <= 2, "one before, one after"
    np.testing.assert_allclose(workspace["y"], 64.0, rtol=1e-6)
