"""Families of operators against what real Caffe2 gave or refused (see make_*.py, asking.py)."""

import pytest
from answers import DATA, check_answer, check_gradient_definition, read_answers

from c2.registry import core_registry

REGISTRY = core_registry()
FAMILIES = {
    name: read_answers(DATA / f"{name}.npz")
    for name in ("reduce", "shape", "index", "segment", "lookup", "sequence", "quantized_embedding")
}
CASES = [(name, k, case) for name, (cases, _) in FAMILIES.items() for k, case in enumerate(cases)]
GRADIENTS = [told for _, gradients in FAMILIES.values() for told in gradients]


@pytest.mark.parametrize(
    "case", [c for *_, c in CASES], ids=[f"{name}-{k}-{c['type']}" for name, k, c in CASES]
)
def test_gives_what_caffe2_gave(case):
    check_answer(REGISTRY, case)


@pytest.mark.parametrize("told", GRADIENTS, ids=lambda told: told["forward"][0])
def test_gradient_definitions(told):
    check_gradient_definition(REGISTRY, told)


def test_no_operator_is_only_ever_refused():
    """A file where everything is refused would pass with an operator that does nothing right."""
    answered = {case["type"] for *_, case in CASES if case["outputs"] is not None}
    refused = {case["type"] for *_, case in CASES if case["outputs"] is None}
    assert refused - answered == {"Fail"}
