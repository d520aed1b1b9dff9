"""Every case that c2-core has of operators with native kernels here, compiled, for every width of vectors."""

import numpy as np
import pytest

import c2
from c2.registry import core_registry
from c2.testing.conformance import REFERENCE, conformance_cases, operator_of
from c2_nnpack.kernels import vector_lanes

CORE = core_registry()
TYPES = [
    "MaxPool", "MaxPool2D", "AveragePool", "AveragePool2D", "FC", "FCTransposed", "Relu", "Clip", "Sum", "Add",
    "SpatialBN", "LRN", "Softmax", "Concat", "DepthConcat", "Copy", "Dropout", "Flatten", "FlattenToVec",
    "StopGradient", "NCHW2NHWC", "NHWC2NCHW",
]  # fmt: skip
CASES = list(conformance_cases(CORE, ("float32",), types=TYPES))
LANES = [n for n in (16, 8, 4) if n <= vector_lanes()]
MODULES = ("pool", "fc", "elementwise", "normalize")


@pytest.fixture
def run_case(registry, compiled, monkeypatch):
    def run_case(one, lanes=16, threads=2):
        for module in MODULES:
            monkeypatch.setattr(f"c2_nnpack.native.{module}.vector_lanes", lambda: lanes)
        op, blobs = operator_of(CORE, one, "")
        net = c2.Net("one")
        net.proto.op.add().CopyFrom(op)
        kept = [n for n in op.output if n not in op.input]
        made, workspace = compiled(registry, net, blobs, list(blobs)[1:], threads, kept)
        made.run()
        return op, workspace, made.program().stages

    return run_case


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("one", CASES, ids=lambda one: one.id)
def test_case_gives_its_values(run_case, one, lanes):
    op, workspace, _ = run_case(one, lanes)
    schema, tolerance = CORE.schema(one.type), REFERENCE["float32"]
    for position, name in enumerate(op.output):
        expected = one.case.expect.get(schema.output(position).name)
        if expected is not None:
            found = workspace[name]
            assert found.shape == np.shape(expected)
            if found.dtype.kind == "f":
                np.testing.assert_allclose(found, expected, tolerance.relative, tolerance.absolute)
            else:
                np.testing.assert_array_equal(found, expected)


REASONS = (
    "plain layouts only are asked for", "images (N, C, H, W) only", "float32 only", "no empty tensors", "test mode",
    "pads that crop", "one output", "one shape only", "bias > 0 only", "inputs of numbers",
)  # fmt: skip


@pytest.mark.parametrize("type_", TYPES)
def test_cases_run_natively_or_say_why_not(run_case, type_):
    native = 0
    for one in (c for c in CASES if c.type == type_):
        for stage in run_case(one)[2]:
            native += stage.engine == "NNPACK"
            for engine, reason in stage.declined:
                assert engine != "NNPACK" or any(known in reason for known in REASONS), reason
    assert native > 0
