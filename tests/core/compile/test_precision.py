"""Precision: how a caller says it, how a net carries it, and how it is refused; back ends are made up."""

import numpy as np
import pytest

import c2
from c2.compile.native import Asked, build_native
from c2.compile.net import CompiledNet
from c2.compile.precision import Precision, precision_of, set_precision
from c2.errors import PrecisionError
from c2.graph.check import check_net
from c2.registry import core_registry, native
from c2.registry.marks import marks_of


def small_net():
    net = c2.Net("small")
    net.op("Relu", "x", "y")
    net.add_external_output("y")
    return net.proto


def registry_with(*builders):
    registry = core_registry()
    for builder in builders:
        for mark in marks_of(builder):
            registry.add_mark(mark, "made-up")
    registry.prefer_engines(["TEST"])
    return registry


def builder(precision, why=None, declines="not today"):
    @native("Relu", engine="TEST", precision=precision, usable=lambda: why)
    def build(request):
        return f"{declines} in {request.precision}"

    return build


def test_it_is_full_unless_asked_for():
    assert precision_of(small_net(), None, core_registry()) == Precision("fp32")
    assert precision_of(small_net(), "fp32", core_registry()).name == "fp32"


def test_a_net_carries_it_with_the_ranges():
    net = small_net()
    set_precision(net, Precision("int8", {"x": (-1.0, 2.0), "y": (0.0, 2.0)}))
    set_precision(net, Precision("int8", {"y": (0.0, 0.5)}))
    assert [arg.name for arg in net.arg] == ["precision", "range_blobs", "range_min", "range_max"]
    read = type(net).FromString(net.SerializeToString())
    found = precision_of(read, None, registry_with(builder("int8")))
    assert (found.name, found.ranges) == ("int8", {"y": (0.0, 0.5)})
    assert precision_of(read, "fp32", core_registry()).name == "fp32", (
        "the caller has the last word"
    )


def test_no_back_end_has_it():
    with pytest.raises(PrecisionError, match="no installed back end computes in bf16.*c2-mkl"):
        c2.Predictor(c2.Net("init"), small_net(), registry=core_registry(), precision="bf16")


def test_no_back_end_has_it_here():
    registry = registry_with(builder("bf16", why="this CPU lacks AVX-512 BF16"))
    with pytest.raises(
        PrecisionError, match="TEST: this CPU lacks AVX-512 BF16. Use precision='fp32'"
    ):
        precision_of(small_net(), "bf16", registry)
    assert precision_of(small_net(), "bf16", registry_with(builder("bf16"))).name == "bf16"


def test_int8_without_calibration():
    with pytest.raises(
        PrecisionError, match="net 'small.*': int8 needs the ranges.*c2 quantize MODEL"
    ):
        precision_of(small_net(), "int8", registry_with(builder("int8")))


def test_kernels_of_the_precision_come_first_then_full_ones():
    registry = registry_with(builder("fp32"), builder("bf16"), builder("int8"))
    workspace = c2.Workspace(registry=registry)
    workspace.feed("x", np.ones(2, np.float32))
    for precision, labels in ((None, ["TEST"]), ("bf16", ["TEST bf16", "TEST"])):
        checked = check_net(small_net(), registry)
        program = CompiledNet(checked, workspace, registry, precision=precision).program()
        node = program.stages[0].node
        _, declined = build_native(
            Asked(registry, node, {}, "CPU", 1, precision=program.graph.precision)
        )
        assert [label for label, _ in declined] == labels
        assert declined[-1] == ("TEST", "not today in fp32")
