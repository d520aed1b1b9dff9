"""Snake passes what c2's own operators pass, and is found as a plugin."""

import numpy as np
import pytest

import c2
from c2 import plugins
from c2.errors import CheckError
from c2.registry import CPUDevice, Registry
from c2.testing import check_case, check_gradient, conformance_cases
from c2_example_op import snake

REGISTRY = Registry()
REGISTRY.add_device(CPUDevice())
REGISTRY.add_module(snake, source="c2-example-op")
CASES = list(conformance_cases(REGISTRY))


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.id)
def test_case(one):
    check_case(REGISTRY, one)


@pytest.mark.parametrize("one", [c for c in CASES if c.type == "Snake"], ids=lambda one: one.id)
def test_gradient(one):
    compared = check_gradient(REGISTRY, one)
    assert compared == (one.dtype == "float64")


def test_plugin_is_found():
    (report,) = [r for r in plugins.reports() if r.name == "example-op"]
    assert report.status == "loaded", report.traceback
    assert report.registered["operators"] == ["Snake", "SnakeGradient"]


def test_in_a_net():
    net = c2.Net("waves")
    net.Snake("X", "Y", alpha=2.0)
    workspace = c2.Workspace()
    X = np.linspace(-1, 1, 5, dtype=np.float32)
    workspace.feed("X", X)
    workspace.run(net)
    np.testing.assert_allclose(workspace["Y"], X + np.sin(2 * X) ** 2 / 2, rtol=1e-6)


def test_a_frequency_of_zero_is_refused():
    net = c2.Net("waves")
    net.Snake("X", "Y", alpha=0.0)
    workspace = c2.Workspace()
    workspace.feed("X", np.ones(2, np.float32))
    with pytest.raises(CheckError, match=r"argument 'alpha' must satisfy 0\.001 <= alpha"):
        workspace.run(net)
