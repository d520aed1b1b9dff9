"""Nets, references and scopes: Caffe2's names."""

import threading

import pytest

import c2
from c2.graph.device import device_name
from c2.graph.net import unique_net_name


def test_automatic_names():
    net = c2.Net("auto")
    name = net.name
    assert str(net.Relu("x")) == f"{name}/Relu"
    assert str(net.Relu("x")) == f"{name}/Relu_2"
    a, b = net.op("Split", "x", 2, axis=0)
    assert (str(a), str(b)) == (f"{name}/Split:0", f"{name}/Split:1")
    with c2.name_scope("outer"):
        assert str(net.Relu("y")) == f"outer/{name}/Relu"
    assert [str(b) for b in net.external_inputs] == ["x", "outer/y"]


def test_net_names_are_unique():
    first, second = c2.Net("twin"), c2.Net("twin")
    assert second.name != first.name
    assert second.name.startswith("twin_")
    assert unique_net_name("twin") not in (first.name, second.name)


def test_scopes_nest_reset_and_leave_references_alone():
    net = c2.Net("scoped")
    with c2.name_scope("a"):
        h = net.Relu("x", "h")
        with c2.name_scope("b"):
            assert str(net.Relu(h, "y")) == "a/b/y"
        with c2.name_scope("c", reset=True):
            assert str(net.Relu("x", "z")) == "c/z"
    assert net.ops[1].input[0] == "a/h"
    assert str(net.Relu("x", "w")) == "w"


def test_scopes_are_not_shared_between_threads():
    seen = []
    with c2.name_scope("mine"):
        net = c2.Net("threads")
        thread = threading.Thread(target=lambda: seen.append(str(net.Relu("x", "y"))))
        thread.start()
        thread.join()
    assert seen == ["y"]


def test_device_scopes():
    net = c2.Net("placed")
    outer = c2.device_option("CUDA:1", node_name="worker")
    outer.extra_info.append("note")
    with c2.device_scope(outer), c2.device_scope("CPU"):
        net.Relu("x", "inner")
        net.Relu("x", "own", device_option=c2.device_option("CUDA:2"))
    net.Relu("x", "none")
    inner, own, none = (op.device_option for op in net.ops)
    assert (device_name(inner), inner.node_name, list(inner.extra_info)) == (
        "CPU",
        "worker",
        ["note"],
    )
    assert (device_name(own), own.device_id) == ("CUDA:2", 2)
    assert not net.ops[2].HasField("device_option")
    assert device_name(none) == "CPU"
    with pytest.raises(c2.DeviceError, match="device type 'CUDAA' is unknown.*Did you mean 'CUDA'"):
        c2.device_option("CUDAA")
    with pytest.raises(c2.DeviceError, match="0 or more"):
        c2.device_option("CUDA:x")


def test_references_behave_as_names():
    net = c2.Net("references")
    y = net.Relu("x", "y")
    assert y == "y"
    assert {y: 1}["y"] == 1
    assert str(y + "_w") == "y_w"
    assert str(y.Relu([], "z")) == "z"
    assert net.ops[-1].input[0] == "y"
    with pytest.raises(AttributeError, match="Did you mean 'Relu'"):
        net.Rellu("x")


def test_external_blobs():
    net = c2.Net("external")
    net.add_external_input("a", "b")
    with pytest.raises(c2.NetError, match="'a' is declared already"):
        net.add_external_input("a")
    net.op("Add", ["a", "b"], "y")
    net.add_external_output("y")
    with pytest.raises(c2.NetError, match="'q' is neither an input nor made"):
        net.add_external_output("q")
    assert net.blobs() == ["a", "b", "y"]
    assert "y" in net
    assert len(net) == 1
    assert str(net.next_blob("y")) == "y_auto_0"
    assert str(net.next_blob("fresh")) == "fresh"


def test_clones_rename_and_take_parts():
    net = c2.Net("original")
    net.op("Relu", "x", "h")
    net.op("Negative", "h", "y")
    net.add_external_output("y")
    whole = net.clone(rename={"x": "data", "y": "out"})
    assert [(list(op.input), list(op.output)) for op in whole.ops] == [
        (["data"], ["h"]),
        (["h"], ["out"]),
    ]
    assert [str(b) for b in whole.external_outputs] == ["out"]
    part = net.clone("part", ops=[1])
    assert [str(b) for b in part.external_inputs] == ["h"]
    assert [op.type for op in net.ops] == ["Relu", "Negative"], "the original stays"


def test_arguments_keep_their_kind():
    op = c2.create_op(
        "Any", "x", "y", i=3, f=2.5, flag=True, s="text", ints=[1, 2], floats=[1.0, 2.0], none=None
    )
    fields = {a.name: [f.name for f, _ in a.ListFields() if f.name != "name"] for a in op.arg}
    assert fields == {
        "i": ["i"],
        "f": ["f"],
        "flag": ["i"],
        "s": ["s"],
        "ints": ["ints"],
        "floats": ["floats"],
    }
