"""Check and infer: every problem of a net at once, each with where, expected, actual and the fix."""

import numpy as np
import pytest

import c2
from c2.graph.check import NET_TYPES, check_net, find_problems
from c2.graph.infer import infer_net
from c2.registry import TensorSpec, core_registry

REGISTRY = core_registry()


def problems(net):
    return [str(p) for p in find_problems(net.proto, REGISTRY).problems]


def raw(*ops, inputs=()):
    net = c2.Net("raw")
    net.proto.op.extend(ops)
    net.proto.external_input.extend(inputs)
    return net


def test_all_problems_at_once():
    net = raw(
        c2.create_op("Rellu", "x", "a"),
        c2.create_op("Relu", ["x", "x"], "b"),
        c2.create_op("LeakyRelu", "x", "c", alpha=1),
        c2.create_op("MatMul", ["x", "x"], "x"),
        c2.create_op("Relu", "nowhere", "d"),
        inputs=["x", "nowhere_else"],
    )
    found = problems(net)
    assert len(found) == 5
    assert "operator 'Rellu' is not registered. Did you mean 'Relu'" in found[0]
    assert "wrong number of inputs\n  expected 1 (X), got 2" in found[1]
    assert (
        "argument 'alpha' does not have the right field: expected float in field 'f', got 'i' = 1"
        in found[2]
    )
    assert "Write alpha=1.0 instead of alpha=1" in found[2]
    assert "MatMul cannot write there in place; give the output a name of its own" in found[3]
    assert (
        "input 'nowhere' is neither an external input nor the output of an earlier operator"
        in found[4]
    )
    with pytest.raises(c2.CheckError, match="net 'raw.*' has 5 problems") as error:
        check_net(net.proto, REGISTRY)
    assert len(error.value.problems) == 5


def test_order_and_cycles():
    later = raw(c2.create_op("Relu", "b", "a"), c2.create_op("Relu", "x", "b"), inputs=["x"])
    assert "'b' is made only later, by Relu 'b'" in problems(later)[0]
    assert "cycle" not in problems(later)[0]
    cycle = raw(c2.create_op("Relu", "b", "a"), c2.create_op("Relu", "a", "b"), inputs=["x"])
    assert "The two need each other: a cycle" in problems(cycle)[0]


def test_without_external_inputs_nothing_is_said_of_them():
    assert problems(raw(c2.create_op("Relu", "x", "y"))) == []


def test_unknown_arguments_are_warnings():
    net = raw(
        c2.create_op("LeakyRelu", "x", "y", alpa=0.5), c2.create_op("Relu", "y", "z", use_cudnn=1)
    )
    checked = check_net(net.proto, REGISTRY)
    assert (
        "no operator reads argument 'alpa'; Caffe2 ignores it too. Did you mean 'alpha'"
        in checked.warnings[0]
    )
    assert "a hint for another engine" in checked.warnings[1]


def test_required_arguments_and_in_place_pairs():
    found = problems(raw(c2.create_op("Dropout", "x", ["y", "m"])))
    assert (
        "argument 'is_test' (int) is required" in found[0]
        or "argument 'is_test' (bool) is required" in found[0]
    )
    scatter = raw(c2.create_op("ScatterAssign", ["table", "rows", "values"], ["other"]))
    assert "must be the blob of input" in problems(scatter)[0]
    assert "expected 'table', got 'other'" in problems(scatter)[0]


def test_net_types():
    net = raw(c2.create_op("Relu", "x", "y"))
    for type_ in NET_TYPES:
        net.proto.type = type_
        assert problems(net) == []
    net.proto.type = "simpel"
    assert "type 'simpel' is unknown" in problems(net)[0]
    assert "Did you mean 'simple'" in problems(net)[0]


def test_dtypes_and_shapes_are_inferred_or_refused():
    net = c2.Net("typed")
    net.op("Relu", "x", "y")
    net.op("Add", ["y", "z"], "s")
    checked = check_net(net.proto, REGISTRY)
    inferred = infer_net(
        checked, {"x": TensorSpec((2, 3), "float32"), "z": TensorSpec((3,), "float32")}
    )
    assert not inferred.problems
    assert inferred.blobs["s"] == TensorSpec((2, 3), "float32")
    wrong = infer_net(checked, {"x": TensorSpec((2, 3), "int32"), "z": TensorSpec((4,), "float32")})
    assert "dtype of input X 'x'" in str(wrong.problems[0])
    assert "put a Cast before it" in str(wrong.problems[0])
    partly = infer_net(checked, {"z": TensorSpec((3,), "float32")})
    assert partly.blobs["s"] is None


def test_summary_counts():
    net = c2.Net("counted")
    net.op("FC", ["x", "w", "b"], "y")
    net.op("Relu", "y", "y")
    summary = net.summary({"x": (2, 3), "w": np.zeros((4, 3), np.float32), "b": (4,)})
    assert (summary.parameters, summary.parameter_bytes) == (16, 64)
    assert summary.rows[0].shape == (2, 4)
    assert 2 * 2 * 3 * 4 <= summary.rows[0].flops <= 2 * 2 * 3 * 4 + 8
    assert summary.activation_bytes == 2 * 2 * 4 * 4
    text = str(summary)
    assert "FC" in text
    assert "16 parameters" in text
    assert "<table>" in summary._repr_html_()
    assert summary.as_dict()["rows"][1]["type"] == "Relu"
    assert net.summary().unknown == 2
