"""The backward pass makes the very operators that real Caffe2 makes (see make_backward.py)."""

import json
from pathlib import Path

import pytest
from operator_lines import operator_line

import c2
from c2.registry import core_registry

REGISTRY = core_registry()
CASES = json.loads((Path(__file__).parent / "data" / "backward.json").read_text())


def forward(case):
    type_, inputs, outputs = case[:3]
    args, device, engine = (*case[3:], *[{}, "", ""][len(case) - 3 :])
    option = c2.device_option(device) if device else None
    return c2.create_op(type_, inputs, outputs, device_option=option, engine=engine, **args)


def differentiated(case):
    net = c2.Net("differentiated")
    net.extend(forward(op) for op in case["net"])
    found = net.add_gradients(case["ys"])
    gradients = {
        name: [g.indices, g.values] if isinstance(g, c2.GradientSlice) else str(g)
        for name, g in sorted(found.items())
    }
    return [operator_line(op) for op in net.ops[len(case["net"]) :]], gradients


@pytest.mark.parametrize("index", range(len(CASES)))
def test_equals_caffe2(index):
    case = CASES[index]
    if case.get("refused"):
        with pytest.raises(c2.C2Error):
            differentiated(case)
        return
    ops, gradients = differentiated(case)
    assert ops == case["ops"]
    assert gradients == case["gradients"]
