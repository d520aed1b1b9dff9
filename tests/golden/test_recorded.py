"""Cases recorded from real Caffe2: outputs through a workspace, and gradient definitions, equal."""

import numpy as np
import pytest
from recorded_cases import recorded_cases

import c2
from c2.autodiff.backward import gradients_of
from c2.proto import NetDef
from c2.registry import core_registry

REGISTRY = core_registry()
CASES = recorded_cases()
HAVE = [c for c in CASES if c.op.type in REGISTRY]

# Caffe2 took a gradient for these after the recording, or records what is not an output of the operator.
NO_GRADIENT_THEN = {"BooleanMask"}


def test_the_recorded_cases_are_there():
    if not CASES:
        pytest.skip(
            "the recorded cases are not here; C2_SHARED names the folder that holds data/recorded"
        )
    assert len(HAVE) >= 70, sorted({c.op.type for c in CASES if c.op.type not in REGISTRY})


@pytest.mark.parametrize("case", HAVE, ids=lambda c: c.name)
def test_outputs(case):
    workspace = c2.Workspace(registry=REGISTRY)
    for name, value in zip(case.op.input, case.inputs):
        workspace.feed(name, np.asarray(value) if not isinstance(value, bytes) else value)
    net = NetDef(name="recorded", op=[case.op], external_input=list(dict.fromkeys(case.op.input)))
    workspace.run_once(net)
    for name, expected in zip(case.op.output, case.outputs):
        actual = workspace[name]
        if isinstance(expected, bytes):
            assert actual == expected
            continue
        expected = np.asarray(expected)
        assert actual.shape == expected.shape, name
        if expected.dtype.kind in "OSU":
            assert actual.ravel().tolist() == [_bytes(v) for v in expected.ravel()]
        else:
            np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(
    "case",
    [c for c in HAVE if c.gradients and c.op.type not in NO_GRADIENT_THEN],
    ids=lambda c: c.name,
)
def test_gradient_definitions(case):
    made, _ = gradients_of(case.op, [f"{name}_grad" for name in case.op.output], REGISTRY)
    assert [_canonical(op) for op in made] == [_canonical(op) for op in case.gradients]


def _canonical(op):
    copy = type(op)()
    copy.CopyFrom(op)
    args = sorted(copy.arg, key=lambda a: a.name)
    del copy.arg[:]
    copy.arg.extend(args)
    return str(copy)


def _bytes(value):
    return value if isinstance(value, bytes) else str(value).encode()
