"""Convolution, pooling, spatial operators and normalization against what real Caffe2 gave (see make_images.py)."""

import pytest
from answers import DATA, check_answer, check_gradient_definition, read_answers

from c2.registry import core_registry

REGISTRY = core_registry()
CASES, GRADIENTS = read_answers(DATA / "images.npz")


@pytest.mark.parametrize("case", CASES, ids=[f"{k}-{c['type']}" for k, c in enumerate(CASES)])
def test_gives_what_caffe2_gave(case):
    check_answer(REGISTRY, case, 5e-5, 5e-6)


@pytest.mark.parametrize(
    "told", GRADIENTS, ids=[f"{k}-{g['forward'][0]}" for k, g in enumerate(GRADIENTS)]
)
def test_writes_the_gradient_that_caffe2_writes(told):
    check_gradient_definition(REGISTRY, told)
