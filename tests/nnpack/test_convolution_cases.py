"""Every case of Conv that c2-core has, with c2-nnpack: by the algorithm asked for, or declined with a reason."""

import numpy as np
import pytest

import c2
from c2.registry import core_registry
from c2.testing.conformance import REFERENCE, conformance_cases, operator_of
from c2_nnpack.algorithms import direct, fourier, winograd

CORE = core_registry()
CASES = list(conformance_cases(CORE, ("float32",), types=["Conv", "Conv2D", "Conv3D"]))
ALGOS = [*winograd.ALGOS, *fourier.ALGOS, *direct.ALGOS]
REASONS = (
    "empty tensors", "images (N, C, H, W) only", "one group only", "kernel 3x3 or 5x5, stride 1 and dilation 1 only",
    "stride 1 and dilation 1 only", "pads that crop", "groups of channels that are no multiples of 16",
    "algo 1x1 is asked for, and the kernel is another", "as many groups as input channels only",
)  # fmt: skip


def net_of(one, algo):
    op, blobs = operator_of(CORE, one, "NNPACK")
    argument = op.arg.add()
    argument.name, argument.s = "algo", algo.encode()  # whatever it gains
    net = c2.Net("one")
    net.proto.op.add().CopyFrom(op)
    net.proto.external_output.extend(op.output)
    return op, blobs, net


@pytest.mark.parametrize("algo", ALGOS)
@pytest.mark.parametrize("one", CASES, ids=lambda one: one.id)
def test_case(registry, compiled, one, algo):
    op, blobs, net = net_of(one, algo)
    made, workspace = compiled(registry, net, blobs, list(blobs)[1:], threads=2)
    made.run()
    found, tolerance = workspace[op.output[0]], REFERENCE["float32"]
    np.testing.assert_allclose(found, one.case.expect["Y"], tolerance.relative, tolerance.absolute)
    for stage in made.program().stages:
        for engine, reason in stage.declined:
            if engine == "NNPACK":
                assert {*reason.split("; ")} <= {*REASONS}


@pytest.mark.parametrize("algo", ALGOS)
def test_some_cases_run_natively(registry, compiled, algo):
    engines = [
        stage.engine
        for one in CASES
        for _, blobs, net in [net_of(one, algo)]
        for stage in compiled(registry, net, blobs, list(blobs)[1:])[0].program().stages
    ]
    assert engines.count("NNPACK") >= 2
