"""The compiler's random nets through c2-mkl: what operators run one by one give, by whatever mix of kernels."""

import sys
from pathlib import Path

import numpy as np
import pytest

import c2
from c2.compile.net import CompiledNet
from c2.graph.check import check_net
from c2.registry import core_registry
from c2.testing.run import run_ops

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "core" / "compile"))
from random_nets import random_net

sys.path.pop(0)
CORE = core_registry()


@pytest.mark.parametrize("seed", range(20))
def test_random_net(registry, seed):
    drawn = random_net(CORE, seed)
    proto = drawn.net.proto
    every = [o for op in proto.op for o in op.output]
    constants = set(drawn.parameters) - set(every)
    told = [*proto.external_output, *drawn.keep]
    made = []
    for keep, options in (
        (told, {"constants": constants}),
        (told, {}),
        (every, {"constants": constants}),
    ):
        workspace = c2.Workspace(registry=registry)
        workspace.feed("x", np.zeros((1, 4, 6, 6), np.float32))
        for name, value in drawn.parameters.items():
            workspace.feed(name, value)
        net = CompiledNet(
            check_net(proto, registry), workspace, registry, keep=keep, threads=2, **options
        )
        made.append((workspace, net, keep))
    expected = {name: value.copy() for name, value in drawn.parameters.items()}
    rng = np.random.default_rng(seed)
    for batch in (2, 1, 2, 2):
        expected["x"] = drawn.input(rng, batch)
        x = expected["x"].copy()
        with np.errstate(all="ignore"):
            run_ops(CORE, proto.op, expected)
        for workspace, net, keep in made:
            workspace.feed("x", x)
            net.run()
            for name in keep:
                np.testing.assert_allclose(
                    workspace[name], expected[name], rtol=2e-3, atol=2e-4, err_msg=name
                )
