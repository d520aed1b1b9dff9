"""Operators on 8-bit tensors, held against what real Caffe2 gave: `make_int8.py` asked it."""

import json
from pathlib import Path

import numpy as np
import pytest

import c2
from c2.graph.op import create_op
from c2.registry import core_registry
from c2.serialize.blobs import Int8Tensor

REGISTRY = core_registry()
TOLD = np.load(Path(__file__).parent / "data" / "int8.npz")
QUESTIONS = json.loads(str(TOLD["told"]))
# Caffe2 rounds by fixed-point factors: what lies half way between two steps may go the other way.
ROUNDED_OTHERWISE = {
    "Int8Conv", "Int8ConvRelu", "Int8FC", "Int8Add", "Int8AddRelu", "Int8Sum", "Int8SumRelu", "Int8AveragePool",
    "Int8AveragePoolRelu", "Int8LeakyRelu", "Int8Sigmoid", "Int8Softmax",
}  # fmt: skip
OFF = 0.005  # share of all results of an operator that may be a step off


def value(place, *steps):
    """An array, or an 8-bit tensor where scale and zero point stand with it."""
    return Int8Tensor(TOLD[place], *steps) if steps else TOLD[place]


def ask(question, registry=REGISTRY):
    args = question["args"]
    if question["type"] == "Int8GivenTensorFill":
        args = {**args, "values": bytes(args["values"])}
    names = [f"in{k}" for k in range(len(question["inputs"]))]
    outputs = [f"out{k}" for k in range(len(question["outputs"]))]
    workspace = c2.Workspace(registry=registry)
    for name, told in zip(names, question["inputs"]):
        workspace.blob(name).value = value(*told)
    net = c2.Net("question")
    net.proto.op.append(create_op(question["type"], names, outputs, **args))
    workspace.run_once(net.proto)
    return [workspace.blob(name).value for name in outputs]


@pytest.mark.parametrize("type_", sorted({q["type"] for q in QUESTIONS}))
def test_int8_operators_give_what_caffe2_gave(type_):
    off = [steps_off(q) for q in QUESTIONS if q["type"] == type_]
    assert max(part.max(initial=0) for part in off) <= (type_ in ROUNDED_OTHERWISE)
    assert np.concatenate(off).mean() <= OFF


def steps_off(question, registry=REGISTRY):
    """How far each result is from Caffe2's, in steps of 8-bit tensors; 1 where a number is another one."""
    parts = []
    for found, told in zip(ask(question, registry), question["outputs"]):
        expected = value(*told)
        if isinstance(expected, Int8Tensor):
            steps = [(np.float32(one.scale), one.zero_point) for one in (found, expected)]
            assert steps[0] == steps[1], question["args"]
            found, expected = found.data, expected.data
        elif expected.dtype.kind == "S":  # a blob that Caffe2 leaves empty
            continue
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape), question["args"]
        is_bytes = found.dtype == np.uint8
        off = np.abs(found.astype(int) - expected.astype(int)) if is_bytes else found != expected
        parts.append(off.ravel().astype(int))
    return np.concatenate(parts)
