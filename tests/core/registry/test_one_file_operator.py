"""Adding an operator is one file of fewer than 40 lines, and touches no list."""

import importlib
import sys

import numpy as np
import pytest

import c2
from c2.registry import core_registry
from c2.testing import check_case, check_gradient, conformance_cases

SHIFT = '''"""Softshrink: X moved towards zero by lambd, zero where it would cross it."""

import numpy as np

from c2.registry import Arg, Case, OpSchema, Tensor, cases, gradient, kernel, same_as
from c2.registry.spec import FLOAT

SOFTSHRINK = OpSchema(
    "Softshrink", doc="Y = sign(X) * max(|X| - lambd, 0).", inputs=[Tensor("X", "any shape", FLOAT)],
    outputs=[Tensor("Y", "shape and dtype of X")],
    args=[Arg("lambd", float, default=0.5, doc="how far, unitless", minimum=0)],
    infer=same_as("X"), inplace={"X": "Y"},
)


@kernel(SOFTSHRINK)
def softshrink(xp, X, *, lambd, out=None):
    lambd = X.dtype.type(lambd)  # NumPy 1: an X without axes and a Python number would give float64
    return xp.subtract(X, xp.clip(X, -lambd, lambd), out=out)


@gradient(SOFTSHRINK)
def softshrink_gradient_maker(g):
    kept, dX = f"{g.GI('X')}_kept", g.GI("X")
    return [
        g.op("Sign", [g.O("Y")], [kept], copy_args=False), g.op("Mul", [kept, kept], [kept], copy_args=False),
        g.op("Mul", [g.GO("Y"), kept], [dX], copy_args=False),
    ]


@cases(SOFTSHRINK)
def softshrink_cases(rng):
    for shape in [(), (0,), (2, 3)]:
        X = rng.uniform(0.6, 2, shape) * rng.choice([-1, 1], shape)
        yield Case({"X": X}, expect={"Y": np.where(X > 0, X - 0.5, X + 0.5)})
'''


@pytest.fixture
def registry(tmp_path, monkeypatch):
    package = tmp_path / "operators_of_mine"
    (package / "activation").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "activation" / "__init__.py").write_text("")
    (package / "activation" / "softshrink.py").write_text(SHIFT)
    monkeypatch.syspath_prepend(tmp_path)
    registry = core_registry()
    registry.add_package(importlib.import_module("operators_of_mine"), "mine")
    yield registry
    for name in [n for n in sys.modules if n.startswith("operators_of_mine")]:
        del sys.modules[name]


def test_it_conforms_and_differentiates(registry):
    assert len(SHIFT.splitlines()) <= 40
    assert registry.source("Softshrink") == "mine"
    found = list(conformance_cases(registry, types=["Softshrink"]))
    assert len(found) == 6
    for one in found:
        check_case(registry, one)
    assert sum(check_gradient(registry, one) for one in found) == 3


def test_it_runs_in_nets(registry):
    net = c2.Net("mine")
    net.op("Softshrink", "x", "x", lambd=1.0)
    net.op("Relu", "x", "y")
    workspace = c2.Workspace(registry=registry)
    workspace.feed("x", np.array([-3, 0.5, 2], np.float32))
    workspace.run(net)
    np.testing.assert_array_equal(workspace["y"], [0, 0, 1])
    with pytest.raises(c2.CheckError, match="argument 'lambd' must satisfy 0 <= lambd, got -1.0"):
        workspace.run_once(c2.create_op("Softshrink", "x", "y", lambd=-1.0))


def test_twice_is_refused_naming_both(registry, tmp_path, monkeypatch):
    (tmp_path / "other_softshrink.py").write_text(SHIFT)
    other = importlib.import_module("other_softshrink")
    with pytest.raises(
        c2.DuplicateRegistration,
        match="operator 'Softshrink' of theirs is already registered by mine",
    ):
        registry.add_module(other, "theirs")
    del sys.modules["other_softshrink"]
