"""Every operator's reference kernels against its cases, and its gradient against a difference quotient."""

import pytest

from c2.registry import core_registry
from c2.testing import check_case, check_gradient, conformance_cases

REGISTRY = core_registry()
CASES = list(conformance_cases(REGISTRY))


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.id)
def test_case(one):
    check_case(REGISTRY, one)


@pytest.mark.parametrize(
    "one",
    [c for c in CASES if c.dtype == "float64" and REGISTRY.gradient_maker(c.type)],
    ids=lambda one: one.id,
)
def test_gradient(one):
    check_gradient(REGISTRY, one)
