"""Gradients of whole nets against difference quotients, in float64, through a Workspace."""

import numpy as np
import pytest

import c2
from c2.registry import core_registry

REGISTRY = core_registry()
STEP = 1e-6


def lenet(net):
    net.op("Conv", ["x", "w1", "b1"], "c", kernel=3, pad=1)
    net.op(
        "SpatialBN", ["c", "s", "b", "m", "v"], ["n", "m", "v", "sm", "sv"], is_test=0, epsilon=1e-3
    )
    net.op("Relu", "n", "n")
    net.op("MaxPool", "n", "p", kernel=2, stride=2)
    net.op("FC", ["p", "w2", "b2"], "f")
    net.op("Softmax", "f", "q")
    net.op("LabelCrossEntropy", ["q", "label"], "e")
    net.op("AveragedLoss", "e", "y")
    return {
        "x": (2, 2, 4, 4), "w1": (3, 2, 3, 3), "b1": (3,), "s": (3,), "b": (3,), "w2": (4, 12), "b2": (4,)
    }  # fmt: skip


def residual(net):
    net.op("Conv", ["x", "w"], "a", kernel=3, pad=1)
    net.op("Relu", "a", "a")
    net.op("Conv", ["a", "w"], "b", kernel=3, pad=1)
    net.op("Sum", ["b", "x"], "b")
    net.op("Tanh", "b", "y")
    return {"x": (1, 2, 5, 4), "w": (2, 2, 3, 3)}


def fan_out_in_steps(net):
    """Makers of several operators that write one blob, among other readers."""
    net.op("Sqrt", "x", "a")
    net.op("Pow", "x", "b", exponent=3.0)
    net.op("Div", ["x", "z"], "c")
    net.op("Mul", ["x", "x"], "d")
    net.op("Sqrt", "x", "e")
    net.op("Sum", ["a", "b", "c", "d", "e", "x"], "y")
    return {"x": (3, 2), "z": (3, 2)}


def split_and_joined(net):
    net.op("Split", "x", ["a", "b", "c"], axis=1)
    net.op("Sigmoid", "b", "b")
    net.op("Concat", ["c", "b", "a", "b"], ["j", "dims"], axis=1)
    net.op("Reshape", "j", ["r", "old"], shape=[4, -1])
    net.op("Transpose", "r", "t")
    net.op("Slice", "t", "u", starts=[0, 1], ends=[-1, -1])
    net.op("LeakyRelu", "u", "y", alpha=0.3)
    return {"x": (2, 6)}


def broadcast(net):
    net.op("Add", ["x", "b"], "h", broadcast=1, axis=1)
    net.op("Mul", ["h", "g"], "k", broadcast=1, axis=1)
    net.op("Sub", ["k", "x"], "k")
    net.op("Div", ["k", "z"], "y")
    return {"x": (2, 3, 2), "b": (3,), "g": (3,), "z": (2, 3, 2)}


def embeddings(net):
    net.op("Gather", ["table", "i"], "a")
    net.op("Gather", ["table", "j"], "b")
    net.op("Mul", ["a", "b"], "m")
    net.op("LengthsSum", ["m", "lengths"], "s")
    net.op("FC", ["s", "w", "b0"], "f")
    net.op("SquaredL2Distance", ["f", "target"], "y")
    return {"table": (5, 3), "w": (2, 3), "b0": (2,), "target": (2, 2)}


def reductions(net):
    net.op("ReduceMean", "x", "m", axes=[1], keepdims=1)
    net.op("Sub", ["x", "m"], "centred")
    net.op("Mul", ["centred", "centred"], "squares")
    net.op("ReduceSum", "squares", "s", axes=[1], keepdims=0)
    net.op("Exp", "s", "e")
    net.op("ReduceMax", "centred", "largest", axes=[1], keepdims=0)
    net.op("Add", ["e", "largest"], "y")
    return {"x": (3, 4)}


def matrices(net):
    net.op("MatMul", ["x", "z"], "a", trans_b=1)
    net.op("MatMul", ["a", "x"], "b")
    net.op("BatchMatMul", ["u", "v"], "c")
    net.op("ReduceSum", "c", "d", axes=[0], keepdims=0)
    net.op("Add", ["b", "d"], "y")
    return {"x": (3, 2), "z": (3, 2), "u": (2, 3, 4), "v": (2, 4, 2)}


def losses(net):
    net.op("FC", ["x", "w", "b"], "f")
    net.op("SoftmaxWithLoss", ["f", "label"], ["p", "first"])
    net.op("SigmoidCrossEntropyWithLogits", ["f", "target"], "e")
    net.op("AveragedLoss", "e", "second")
    net.op("Add", ["first", "second"], "y")
    return {"x": (2, 3), "w": (4, 3), "b": (4,)}


def stopped(net):
    net.op("Tanh", "x", "h")
    net.op("StopGradient", "h", "stopped")
    net.op("Mul", ["h", "stopped"], "y")
    return {"x": (3,)}


NETS = [
    lenet,
    residual,
    fan_out_in_steps,
    split_and_joined,
    broadcast,
    embeddings,
    reductions,
    matrices,
    losses,
]
INTEGERS = {"label": [1, 3], "i": [0, 2, 2, 4], "j": [1, 2, 0, 2], "lengths": [3, 1]}


def prepared(build):
    """A workspace with random leaves, the net with its gradients, and blob -> gradient."""
    net, rng = c2.Net(build.__name__), np.random.default_rng(7)
    shapes = build(net)
    workspace = c2.Workspace(registry=REGISTRY)
    for name, values in INTEGERS.items():
        workspace.feed(name, np.array(values, np.int32))
    for name, shape in {"m": (3,), "v": (3,), "target": (2, 4), **shapes}.items():
        workspace.feed(name, rng.uniform(0.3, 1.5, shape))
    workspace.run_once(net)
    workspace.feed("seed", rng.standard_normal(workspace["y"].shape))
    forward = net.clone()
    found = net.add_gradients({"y": "seed"})
    workspace.run(net)
    return workspace, forward, shapes, found


def gradient(workspace, found, name):
    if not isinstance(found[name], c2.GradientSlice):
        return workspace[found[name]]
    dense = np.zeros_like(workspace[name])
    np.add.at(dense, workspace[found[name].indices], workspace[found[name].values])
    return dense


@pytest.mark.parametrize("build", NETS, ids=lambda build: build.__name__)
def test_equals_the_difference_quotient(build):
    workspace, forward, shapes, found = prepared(build)
    rng = np.random.default_rng(8)
    for name, shape in shapes.items():
        at, direction = workspace[name], rng.standard_normal(shape)
        values = []
        for sign in (1, -1):
            workspace.feed(name, at + sign * STEP * direction)
            workspace.run(forward)
            values.append(np.vdot(workspace["y"], workspace["seed"]))
        workspace.feed(name, at)
        expected = (values[0] - values[1]) / (2 * STEP)
        actual = np.vdot(gradient(workspace, found, name), direction)
        assert actual == pytest.approx(expected, rel=1e-6, abs=1e-7), name


def test_what_is_stopped_counts_as_constant():
    workspace, _, _, found = prepared(stopped)
    x = workspace["x"]
    expected = workspace["seed"] * (1 - np.tanh(x) ** 2) * np.tanh(x)
    np.testing.assert_allclose(workspace[found["x"]], expected, rtol=1e-12)
    assert "stopped" in found


def test_ones_are_made_for_blobs_without_a_gradient_of_their_own():
    net = c2.Net("ones")
    net.op("Mul", ["x", "x"], "a")
    net.op("Sum", ["a", "x"], "b")
    found = net.add_gradients(["a", "b"])
    workspace = c2.Workspace(registry=REGISTRY)
    x = np.array([[1, -2], [3, 0]], np.float32)
    workspace.feed("x", x)
    workspace.run(net)
    np.testing.assert_array_equal(workspace[found["x"]], 2 * 2 * x + 1)


def test_a_split_with_a_part_that_nothing_flows_back_into():
    net = c2.Net("part")
    net.op("Split", "x", ["a", "b"], axis=0)
    net.op("Negative", "b", "y")
    found = net.add_gradients("y")
    workspace = c2.Workspace(registry=REGISTRY)
    workspace.feed("x", np.ones(4, np.float32))
    workspace.run(net)
    np.testing.assert_array_equal(workspace[found["x"]], [0, 0, -1, -1])
