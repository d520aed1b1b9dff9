"""Elementwise operators against what real Caffe2 gave (see make_elementwise.py)."""

import json
from math import prod
from pathlib import Path

import numpy as np
import pytest

from c2.graph.op import create_op
from c2.registry import core_registry
from c2.testing.run import run_op

REGISTRY = core_registry()
DATA = Path(__file__).parent / "data" / "elementwise.npz"


def golden_cases(path):
    """(operator, arguments, inputs, outputs) of every case in the file."""
    with np.load(path) as file:
        arrays = dict(file)
    for type_, args, inputs, outputs in json.loads(arrays["index"].tobytes()):
        yield type_, args, [_array(arrays, x) for x in inputs], [_array(arrays, y) for y in outputs]


def _array(arrays, place):
    kind, shape, start = place
    return arrays[kind][start : start + prod(shape)].reshape(shape)


CASES = list(golden_cases(DATA))


@pytest.mark.parametrize("case", CASES, ids=[f"{k}-{c[0]}" for k, c in enumerate(CASES)])
def test_gives_what_caffe2_gave(case):
    type_, args, inputs, expected = case
    names = [f"in{k}" for k in range(len(inputs))]
    op = create_op(type_, names, [f"out{k}" for k in range(len(expected))], **args)
    results = run_op(REGISTRY, op, dict(zip(names, inputs)))
    for actual, wanted in zip(results, expected, strict=True):
        assert (actual.dtype, actual.shape) == (wanted.dtype, wanted.shape)
        if wanted.dtype.kind == "f":
            np.testing.assert_allclose(actual, wanted, rtol=2e-5, atol=1e-6)
        else:
            np.testing.assert_array_equal(actual, wanted)
