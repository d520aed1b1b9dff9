"""Gradients of activations and arithmetic in compiled nets: special numbers, and results that lie where inputs were."""

import numpy as np
import pytest

import c2
from c2.compile.net import CompiledNet
from c2.graph.check import check_net
from c2.registry import core_registry

CORE = core_registry()
SLOPES = {
    "ReluGradient": (2, {}), "ClipGradient": (2, {"min": -0.5, "max": 6.0}), "SigmoidGradient": (2, {}),
    "HardSigmoidGradient": (2, {"alpha": 0.3}), "SoftplusGradient": (2, {}), "GeluGradient": (2, {}),
    "SwishGradient": (3, {}),
}  # fmt: skip
ARITHMETIC = {"AddGradient": 3, "SubGradient": 3, "MulGradient": 3, "DivGradient": 4}
SPECIAL = np.array([np.nan, np.inf, -np.inf, 0, -0.0, 1e-40, -1e-40, 3e38, 1, -2], np.float32)


def run(registry, net, feeds, kind, **more):
    workspace = c2.Workspace(registry=registry)
    for name, value in feeds.items():
        workspace.feed(name, value.copy())
    if kind == "simple":
        workspace.create(net).run()
        return workspace
    made = CompiledNet(check_net(net.proto, registry), workspace, registry, **more)
    made.run()
    made.run()
    stages = made.program().stages
    assert {s.engine for s in stages} <= {"MKL", "reorder"}, [s.declined for s in stages]
    return workspace


def one(type_, count, outputs, **args):
    net = c2.Net("one")
    net.op(type_, [f"in{k}" for k in range(count)], [f"out{k}" for k in range(outputs)], **args)
    for k in range(outputs):
        net.add_external_output(f"out{k}")
    return net


def every_combination(count):
    grids = np.meshgrid(*[SPECIAL] * count)
    return {f"in{k}": np.ascontiguousarray(g.ravel()) for k, g in enumerate(grids)}


@pytest.mark.parametrize(
    ("type_", "count", "outputs", "args"),
    [
        *((type_, count, 1, args) for type_, (count, args) in SLOPES.items()),
        *((type_, count, 2, {}) for type_, count in ARITHMETIC.items()),
    ],
)
def test_special_numbers(registry, type_, count, outputs, args):
    net, feeds = one(type_, count, outputs, **args), every_combination(count)
    found, expected = run(registry, net, feeds, "compiled"), run(CORE, net, feeds, "simple")
    for k in range(outputs):
        np.testing.assert_allclose(found[f"out{k}"], expected[f"out{k}"], rtol=2e-6, atol=1e-45)


LAYOUTS = [
    ((64, 48), (48,), {}), ((64, 48), (64, 1), {}), ((5, 7, 11, 3), (7,), {"broadcast": 1, "axis": 1}),
    ((5, 7, 300), (5, 7), {"broadcast": 1, "axis": 0}), ((3000, 130), (130,), {"broadcast": 1}),
    ((3, 50, 40), (1,), {}), ((2, 3, 4), (2, 3, 4), {}),
]  # fmt: skip


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("a", "b", "args"), LAYOUTS)
@pytest.mark.parametrize("type_", ["Add", "Sub", "Mul", "Div"])
def test_gradients_by_sums_in_float64(registry, type_, a, b, args, threads):
    """dC is made inside the net and dies in the gradient, whose results then lie where it was."""
    rng = np.random.default_rng(3)
    A, B, G = (rng.uniform(0.5, 2, shape).astype(np.float32) for shape in (a, b, a))
    net = c2.Net("gradient")
    net.op("Scale", "G", "dC", scale=0.5)
    net.op(type_, ["A", "B"], "C", **args)
    inputs = ["dC", "A", "B", *(["C"] if type_ == "Div" else [])]
    net.op(f"{type_}Gradient", inputs, ["dA", "dB"], **args)
    net.op("Scale", "dA", "halfdA", scale=0.5)
    net.op("Scale", "dB", "halfdB", scale=0.5)
    for name in ("halfdA", "halfdB"):
        net.add_external_output(name)
    found = run(registry, net, {"A": A, "B": B, "G": G}, "compiled", threads=threads)
    axis = args.get("axis", len(a) - len(b))
    stretched = B.reshape(*B.shape, *(1,) * (len(a) - axis - len(b))).astype(float)
    A, dC = A.astype(float), 0.5 * G.astype(float)
    dA, dB = {
        "Add": (dC, dC), "Sub": (dC, -dC), "Mul": (dC * stretched, dC * A),
        "Div": (dC / stretched, -dC * A / stretched**2),
    }[type_]  # fmt: skip
    wide = (1,) * (len(a) - stretched.ndim) + stretched.shape
    over = tuple(k for k, (s, w) in enumerate(zip(a, wide)) if s != w)
    np.testing.assert_allclose(found["halfdA"], dA / 2, rtol=1e-5)
    np.testing.assert_allclose(found["halfdB"], dB.sum(over).reshape(b) / 2, rtol=1e-5)
