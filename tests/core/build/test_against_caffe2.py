"""The nets that c2 builds are those of Caffe2's Python layer: types, blobs, arguments, order."""

import json
import sys
from pathlib import Path

import pytest

import c2
from c2 import brew
from c2.build.initializers import Initializer
from c2.serialize.arguments import argument_value

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
sys.path.insert(0, str(GOLDEN))
from build_cases import LAYERS, TRAINING  # noqa: E402

EXPECTED = json.loads((GOLDEN / "data" / "build_nets.json").read_text())

# What Caffe2's brew copies from its model into every operator, read by none of them on a CPU.
HINTS = {"use_cudnn", "cudnn_exhaustive_search"}


@pytest.fixture(autouse=True)
def fresh_names(monkeypatch):
    monkeypatch.setattr("c2.graph.net._used_names", set())


def add(model, layer):
    helper, blob_in, blob_out, more, args = layer
    if helper == "scope":
        with c2.name_scope(blob_out):
            for inner in more:
                add(model, inner)
    elif helper == "param":
        shape, operator, init_args = more
        model.create_param(blob_out, shape, Initializer(operator, **init_args))
    elif helper == "op":
        model.op(more[0], blob_in, blob_out, **args)
    elif helper == "iter":
        brew.iter(model, blob_out)
    else:
        getattr(brew, helper)(model, blob_in, blob_out, *more, **args)


def listed(net):
    return [
        [
            op.type,
            list(op.input),
            list(op.output),
            {a.name: plain(argument_value(a)) for a in op.arg},
        ]
        for op in net.ops
    ]


def plain(value):
    return value.decode() if isinstance(value, bytes) else value


def meant(ops):
    """The operators without hints, each once: Caffe2 repeats constants and rates for every parameter."""
    found = []
    for type_, inputs, outputs, args in ops:
        args = {k: v for k, v in args.items() if k not in HINTS and (k, v) != ("order", "NCHW")}
        if type_ == "ConstantFill" and "values" in args:  # Caffe2's RmsProp misspells `value`
            args["value"] = args.pop("values")
        if (op := (type_, inputs, outputs, args)) not in found:
            found.append(op)
    return found


def compare(model, name):
    for part, net in (("init", model.param_init_net), ("net", model.net)):
        assert meant(listed(net)) == meant(EXPECTED[name][part]), f"{name}: {part}"


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name):
    model = c2.ModelHelper("m")
    for layer in LAYERS[name]:
        add(model, layer)
    compare(model, name)


@pytest.mark.parametrize("name", TRAINING)
def test_training(name):
    layers, steps = TRAINING[name]
    model = c2.ModelHelper("m")
    for layer in layers:
        add(model, layer)
    model.add_gradients("loss")
    for function, args in steps:
        getattr(c2.optimizer, function)(model, **args)
    compare(model, name)


def test_the_comparison_sees_a_difference():
    model = c2.ModelHelper("m")
    brew.fc(model, "data", "f", 4, 6)
    with pytest.raises(AssertionError):
        compare(model, "fc")


def test_every_case_was_recorded():
    assert set(EXPECTED) == {*LAYERS, *TRAINING}
    assert all(case["net"] for case in EXPECTED.values())
