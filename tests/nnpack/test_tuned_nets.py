"""Nets whose kernels of c2-nnpack and c2-mkl were chosen by measuring: numbers stay, and bits with the choice."""

import numpy as np
import pytest

import c2
from c2.compile.net import CompiledNet
from c2.graph.check import check_net
from c2.registry import core_registry


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("C2_TUNE_CACHE", str(tmp_path))
    monkeypatch.delenv("C2_TUNE", raising=False)


def residual():
    """Convolutions 3x3 and 1x1, one with a summand, a pool and an FC."""
    rng = np.random.default_rng(0)
    net, blobs = c2.Net("residual"), {}

    def conv(x, y, K, C, kernel):
        blobs[f"{y}_w"] = rng.standard_normal((K, C, kernel, kernel)) * np.sqrt(2 / (C * kernel**2))
        blobs[f"{y}_b"] = rng.standard_normal(K)
        net.op("Conv", [x, f"{y}_w", f"{y}_b"], y, kernel=kernel, pad=kernel // 2)

    conv("data", "a", 16, 3, 3)
    net.op("Relu", "a", "a")
    conv("a", "b", 32, 16, 3)
    net.op("Relu", "b", "b")
    conv("b", "c", 32, 32, 1)
    net.op("Sum", ["c", "b"], "s")
    net.op("Relu", "s", "s")
    net.op("MaxPool", "s", "p", kernel=2, stride=2)
    blobs["fc_w"], blobs["fc_b"] = (
        rng.standard_normal((10, 32 * 8 * 8)) / 45,
        rng.standard_normal(10),
    )
    net.op("FC", ["p", "fc_w", "fc_b"], "y")
    net.add_external_output("y")
    blobs["data"] = rng.standard_normal((2, 3, 16, 16))
    return net, {n: v.astype(np.float32) for n, v in blobs.items()}


def run(registry, net, blobs, **how):
    workspace = c2.Workspace(registry=registry)
    for name, value in blobs.items():
        workspace.feed(name, value)
    constants = set(blobs) - {"data"}
    made = CompiledNet(
        check_net(net.proto, registry), workspace, registry, constants=constants, **how
    )
    made.run()
    made.run()
    return workspace["y"], made.program()


@pytest.mark.parametrize("plugins", ["registry", "both"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_tuned_net_gives_the_simple_nets_numbers(request, plugins, threads):
    registry = request.getfixturevalue(plugins)
    net, blobs = residual()
    workspace = c2.Workspace(registry=core_registry())
    for name, value in blobs.items():
        workspace.feed(name, value)
    workspace.run(net)
    y, program = run(registry, net, blobs, tune=True, threads=threads)
    np.testing.assert_allclose(y, workspace["y"], rtol=1e-4, atol=1e-4 * np.abs(y).max())
    assert program.tuned.timed
    again, cached = run(registry, net, blobs, tune="cached", threads=threads)
    assert cached.tuned.timed == 0
    assert cached.tuned.used == program.tuned.used
    np.testing.assert_array_equal(y, again)


def test_every_way_has_raced_and_none_of_another_precision(both):
    net, blobs = residual()
    _, program = run(both, net, blobs, tune=True, threads=1)
    engines = {one["engine"] for row in program.tuned.rows for one in row["candidates"]}
    assert engines == {"NNPACK", "MKL"}
    ways = [
        one["way"]
        for row in program.tuned.rows
        if row["outputs"] == ["b"]
        for one in row["candidates"]
    ]
    assert len([way for way in ways if way]) > 1
