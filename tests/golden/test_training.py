"""Products, losses, metrics, fillers and optimizers against what real Caffe2 gave (see make_training.py)."""

import numpy as np
import pytest
from answers import DATA, check_answer, check_gradient_definition, read_answers

from c2.errors import C2Error
from c2.execute.call import make_call
from c2.graph.op import create_op
from c2.place.choose import choose_kernel
from c2.registry import Mismatch, core_registry
from c2.registry.arguments import read_arguments
from c2.registry.spec import spec_of
from c2.testing.run import run_op

REGISTRY = core_registry()
CASES, GRADIENTS = read_answers(DATA / "training.npz")
RAN = [c for c in CASES if c["outputs"] is not None]
REFUSED = [c for c in CASES if c["outputs"] is None]


def ids(cases):
    return [f"{k}-{c['type']}" for k, c in enumerate(cases)]


@pytest.mark.parametrize("case", RAN, ids=ids(RAN))
def test_gives_what_caffe2_gave(case):
    check_answer(REGISTRY, {**case, "inputs": [x.copy() for x in case["inputs"]]}, 1e-4)


@pytest.mark.parametrize("case", REFUSED, ids=ids(REFUSED))
def test_refuses_what_caffe2_refused(case):
    """By its schema, or while it runs where the values are wrong."""
    op = create_op(case["type"], *case["names"], **case["args"])
    with pytest.raises((C2Error, Mismatch, ValueError)):
        run_op(REGISTRY, op, dict(zip(case["names"][0], case["inputs"])))


@pytest.mark.parametrize("told", GRADIENTS, ids=[g["forward"][0] for g in GRADIENTS])
def test_gradient_definitions(told):
    check_gradient_definition(REGISTRY, told)


MUST_BE_IN_PLACE = [c for c in RAN if REGISTRY.schema(c["type"]).inplace_required_pairs]


@pytest.mark.parametrize("case", MUST_BE_IN_PLACE, ids=ids(MUST_BE_IN_PLACE))
def test_in_place_the_input_itself_is_written(case):
    """As in a net: an output that is an input gets the input's array as its buffer."""
    blobs = dict(zip(case["names"][0], (x.copy() for x in case["inputs"])))
    out, results = run_in_place(case, blobs)
    assert all(a is b for a, b in zip(results, out, strict=True))
    for name, wanted in zip(case["names"][1], case["outputs"]):
        if name in blobs:
            np.testing.assert_allclose(blobs[name], wanted, 1e-4, 2e-6, err_msg=name)


def run_in_place(case, blobs):
    inputs, outputs = case["names"]
    op = create_op(case["type"], inputs, outputs, **case["args"])
    schema = REGISTRY.schema(op.type)
    args, _, _ = read_arguments(schema.arg_by_name, op.arg)
    specs = [spec_of(blobs[name]) for name in inputs]
    kernel = choose_kernel(REGISTRY, op.type, "CPU", "", specs, args).kernel
    inferred = schema.infer_outputs(specs, args, len(outputs))
    out = tuple(blobs.get(n, np.empty(s.shape, s.dtype)) for n, s in zip(outputs, inferred))
    call = make_call(kernel, REGISTRY.device("CPU"), specs, args, len(outputs))
    results = call(*blobs.values(), out=out if len(out) > 1 else out[0])
    return out, results if isinstance(results, tuple) else (results,)
