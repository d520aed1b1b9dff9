"""Tests of c2-nnpack: skipped, with the reason, where it is not installed."""

import pytest

import c2
from c2.compile.net import CompiledNet
from c2.graph.check import check_net
from c2.registry import core_registry

c2_nnpack = pytest.importorskip("c2_nnpack", reason="c2-nnpack is not installed")


def registry_with(*distributions):
    """c2-core's operators, and these plugins as they are when installed."""
    from c2.plugins.discover import find_plugins
    from c2.plugins.loader import load_plugins

    made = core_registry()
    reports = load_plugins(made, [p for p in find_plugins() if p.distribution in distributions])
    if sorted(r.distribution for r in reports) != sorted(distributions):
        pytest.skip(f"not all of {distributions} are installed")
    if any(r.status != "loaded" for r in reports):
        pytest.skip("; ".join(r.summary() for r in reports))
    return made


@pytest.fixture(scope="session")
def registry():
    return registry_with("c2-nnpack")


@pytest.fixture(scope="session")
def both():
    """With c2-mkl beside it."""
    return registry_with("c2-mkl", "c2-nnpack")


@pytest.fixture(scope="session")
def compiled():
    def compiled(registry, net, blobs, constants, threads=1, keep=()):
        """The compiled net, and the workspace with its blobs."""
        net.proto.type = "compiled"
        workspace = c2.Workspace(registry=registry)
        for name, value in blobs.items():
            workspace.feed(name, value.copy())
        checked = check_net(net.proto, registry)
        made = CompiledNet(
            checked, workspace, registry, constants=constants, threads=threads, keep=keep
        )
        return made, workspace

    return compiled


@pytest.fixture
def convolved(registry, compiled):
    def convolved(blobs, after=(), threads=1, constants=("W", "b"), **args):
        """Y of a Conv and of the operators `after` it (from blob "Y0" on), and the engine of each stage."""
        net = c2.Net("one")
        net.Conv(
            [n for n in ("X", "W", "b") if n in blobs], ["Y0" if after else "Y"],
            **{"kernels": list(blobs["W"].shape[2:]), "pads": [1, 1, 1, 1], **args},
        )  # fmt: skip
        for k, (type_, more, arguments) in enumerate(after):
            last = "Y" if k == len(after) - 1 else f"Y{k + 1}"
            getattr(net, type_)([f"Y{k}", *more], [last], **arguments)
        net.proto.external_output.append("Y")
        made, workspace = compiled(registry, net, blobs, constants, threads)
        made.run()
        made.run()  # what the first run left in scratch memory must not matter
        return workspace["Y"], [s.engine for s in made.program().stages], made

    return convolved
