"""Nets of Caffe2's operators on 8-bit tensors: beside the same net in float32, in files, and wrong ones."""

import numpy as np
import pytest

import c2
from c2.errors import C2Error
from c2.registry import core_registry
from c2.serialize.blobs import Int8Tensor
from c2.serialize.init_net import params_to_init_net

STEPS = {"x": (0.03, 128), "c": (0.04, 0), "p": (0.04, 0), "y": (0.1, 128)}


def steps(blob):
    return dict(zip(("Y_scale", "Y_zero_point"), STEPS[blob]))


def drawn(rng, *shape):
    return Int8Tensor(rng.integers(0, 256, shape).astype(np.uint8), 0.004, 128)


def bias(rng, size, source):
    return Int8Tensor(rng.integers(-2000, 2000, size).astype(np.int32), STEPS[source][0] * 0.004, 0)


def model():
    """Parameters, the 8-bit net, and the same net in float32."""
    rng = np.random.default_rng(2)
    params = {
        "w": drawn(rng, 6, 3, 3, 3), "b": bias(rng, 6, "x"), "v": drawn(rng, 4, 54), "d": bias(rng, 4, "p"),
    }  # fmt: skip
    int8, full = c2.Net("int8"), c2.Net("full")
    window = {"kernel": 3, "order": "NHWC"}
    int8.op("Int8Quantize", "data", "x", **steps("x"))
    int8.op("Int8ConvRelu", ["x", "w", "b"], "c", **window, **steps("c"))
    int8.op("Int8MaxPool", "c", "p", kernel=2, stride=2, order="NHWC", **steps("p"))
    int8.op("Int8FC", ["p", "v", "d"], "y", **steps("y"))
    int8.op("Int8Dequantize", "y", "scores")
    full.op("Conv", ["data", "w", "b"], "c", **window)
    full.op("Relu", "c", "c")
    full.op("MaxPool", "c", "p", kernel=2, stride=2, order="NHWC")
    full.op("FC", ["p", "v", "d"], "scores")
    for net in (int8, full):
        net.add_external_output("scores")
    return params, int8, full


def real(value):
    return (value.scale * (value.data.astype(np.float64) - value.zero_point)).astype(np.float32)


@pytest.mark.parametrize("form", ["simple", "compiled"])
def test_an_int8_net_is_near_its_float_net(form):
    params, int8, full = model()
    x = np.random.default_rng(3).uniform(-3, 3, (5, 8, 8, 3)).astype(np.float32)
    init = params_to_init_net({n: real(v) for n, v in params.items()})
    registry = core_registry()
    expected = c2.Predictor(init, full, registry=registry)(data=x)["scores"]
    init = params_to_init_net(params)
    if form == "compiled":
        found = c2.Predictor(init, int8, registry=registry)(data=x)["scores"]
    else:
        workspace = c2.Workspace(registry=registry)
        workspace.run_once(init)
        workspace.feed("data", x)
        workspace.run_once(int8.proto)
        found = workspace["scores"]
    assert np.abs(expected).max() > 2
    assert np.abs(found - expected).max() < 0.05 + 0.04 * np.abs(expected).max()


WRONG = {
    "no tensor of 8 bits": (("Int8Relu", "f", {}), "X must be an 8-bit tensor", "Put an Int8Quantize before it"),
    "other steps": (("Int8Relu", "q", {"Y_scale": 0.5}), "Y_scale and Y_zero_point must be those of X", "0.1, 100"),
    "order": (("Int8MaxPool", "q", {"kernel": 1}), "order must be NHWC", "NCHW"),
    "unit": (("Int8Sigmoid", "q", {"Y_scale": 0.5}), "Y_scale must be 1/256", "0.5"),
    "joined": (("Int8Concat", ["q", "r"], {"axis": 3}), "inputs must agree in all axes but the joined one", "3"),
    "shape": (("Int8Reshape", "q", {}), "one of new_shape and shape must be given", "one of them"),
    "bias": (("Int8FC", ["q", "r", "q"], {}), "bias must be in steps of the products", "0.01"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_named(case):
    (type_, inputs, args), rule, actual = WRONG[case]
    workspace = c2.Workspace(registry=core_registry())
    workspace.feed("f", np.zeros((1, 2, 2, 3), np.float32))
    for name, shape in (("q", (1, 2, 2, 3)), ("r", (5, 3, 2, 2))):
        workspace.blob(name).value = Int8Tensor(np.zeros(shape, np.uint8), 0.1, 100)
    net = c2.Net("wrong")
    net.op(type_, inputs, ["y", "z"][: 1 + (type_ in ("Int8Concat", "Int8Reshape"))], **args)
    with pytest.raises(C2Error, match=rf"{type_} 'y' \(net 'wrong") as raised:
        workspace.run_once(net.proto)
    assert rule in str(raised.value)
    assert actual in str(raised.value)
