"""Random nets: simple and compiled ones, folded or not, give what operators run one by one give."""

import numpy as np
import pytest
from random_nets import BATCHES, random_net

import c2
from c2.compile.net import CompiledNet
from c2.graph.check import check_net
from c2.registry import core_registry
from c2.testing.run import run_ops

REFERENCE = core_registry()
# Twenty float32 operators in a row, some of them folded into others.
CLOSE = {"rtol": 2e-3, "atol": 2e-4}


def same(made, expected, names, what):
    for name in names:
        actual, wanted = made[name], np.asarray(expected[name])
        assert (actual.shape, actual.dtype) == (wanted.shape, wanted.dtype), f"{what}: {name}"
        np.testing.assert_allclose(actual, wanted, **CLOSE, err_msg=f"{what}: {name}")


def workspace(registry, parameters):
    made = c2.Workspace(registry=registry)
    made.feed("x", np.zeros((1, 4, 6, 6), np.float32))
    for name, value in parameters.items():
        made.feed(name, value)
    return made


def check(registry, seed):
    drawn = random_net(REFERENCE, seed)
    proto = drawn.net.proto
    every = [o for op in proto.op for o in op.output]
    told = [*proto.external_output, *drawn.keep]
    constants = set(drawn.parameters) - set(every)
    spaces = [workspace(registry, drawn.parameters) for _ in range(4)]
    nets = {"simple": (spaces[0].create(drawn.net), spaces[0], every)}
    checked = check_net(proto, registry)
    for (kind, blobs, options), space in zip(
        (
            ("compiled", told, {"keep": drawn.keep}),
            ("folded", told, {"keep": drawn.keep, "constants": constants, "runner": "python"}),
            ("all kept", every, {"keep": every}),
        ),
        spaces[1:],
    ):
        nets[kind] = (CompiledNet(checked, space, registry, **options), space, blobs)
    expected = {name: value.copy() for name, value in drawn.parameters.items()}
    rng = np.random.default_rng(seed)
    for batch in (*BATCHES, *BATCHES, BATCHES[0], BATCHES[0]):
        expected["x"] = drawn.input(rng, batch)
        x = expected["x"].copy()
        with np.errstate(all="ignore"):
            run_ops(REFERENCE, proto.op, expected)
        for kind, (net, space, blobs) in nets.items():
            space.feed("x", x)
            net.run()
            same(space, expected, blobs, kind)


@pytest.mark.parametrize("seed", range(16))
def test_reference_kernels(seed):
    check(REFERENCE, seed)


@pytest.mark.parametrize("seed", range(100, 124))
def test_native_kernels_among_them(registry, seed):
    registry._natives.pop("Sub")  # the one that fails on purpose
    check(registry, seed)


def test_random_nets_are_of_many_kinds():
    types = {op.type for seed in range(30) for op in random_net(REFERENCE, seed).net.ops}
    assert len(types) > 35, sorted(types)
