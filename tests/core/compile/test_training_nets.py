"""Training: forward, gradients and updates in one net; compiled, simple and one by one go the same way."""

import numpy as np
import pytest

import c2
from c2 import brew, optimizer
from c2.compile.net import CompiledNet
from c2.graph.check import check_net
from c2.registry import core_registry
from c2.testing.run import run_ops

REGISTRY = core_registry()
STEPS = 5


def perceptron(model):
    h = brew.fc(model, "x", "fc1", dim_in=6, dim_out=8)
    h = brew.relu(model, h, h)
    h = brew.fc(model, h, "fc2", dim_in=8, dim_out=3)
    model.net.op("SoftmaxWithLoss", [h, "label"], ["softmax", "loss"])
    return (6,)


def convolutions(model):
    h = brew.conv(model, "x", "conv1", dim_in=2, dim_out=4, kernel=3, pad=1)
    h = brew.spatial_bn(model, h, "bn", 4, is_test=False, epsilon=1e-3)
    h = brew.relu(model, h, h)
    skip = brew.conv(model, h, "conv2", dim_in=4, dim_out=4, kernel=3, pad=1)
    h = model.net.op("Sum", [skip, h], skip)
    h = brew.max_pool(model, h, "pool", kernel=2, stride=2)
    h = brew.fc(model, h, "fc", dim_in=16, dim_out=3)
    h = brew.softmax(model, h, "softmax")
    model.net.op("LabelCrossEntropy", [h, "label"], "xent")
    model.net.op("AveragedLoss", "xent", "loss")
    return (2, 4, 4)


def embedding(model):
    from c2.build.initializers import Initializer

    model.create_param("table", [5, 6], Initializer("UniformFill", min=-1.0, max=1.0))
    model.net.op("Gather", ["table", "label"], "row")
    model.net.op("Mul", ["row", "x"], "product")
    h = brew.fc(model, "product", "fc", dim_in=6, dim_out=1)
    model.net.op("Sqr", h, "squares")
    model.net.op("AveragedLoss", "squares", "loss")
    return (6,)


MODELS = [
    (perceptron, "sgd", {"momentum": 0.9}),
    (convolutions, "adam", {}),
    (perceptron, "rms_prop", {}),
    (embedding, "adagrad", {}),
]


@pytest.mark.parametrize(("build", "kind", "options"), MODELS[:3])
def test_a_step_allocates_no_blob(build, kind, options):
    model = c2.ModelHelper("steady")
    shape = build(model)
    model.add_gradients("loss")
    getattr(optimizer, f"build_{kind}")(model, base_learning_rate=0.05, **options)
    workspace = c2.Workspace(registry=REGISTRY)
    workspace.run_once(model.param_init_net)
    held = {}
    for _ in range(3):
        workspace.feed("x", np.ones((4, *shape), np.float32))
        workspace.feed("label", np.zeros(4, np.int32))
        workspace.run(model.net)
        moved = [n for n, v in held.items() if workspace.blob(n).value is not v]
        held = {name: workspace.blob(name).value for name in workspace.blobs()}
    assert not moved
    assert workspace.runnable(model.net).bound == 1


@pytest.mark.parametrize(
    ("build", "kind", "options"), MODELS, ids=lambda v: getattr(v, "__name__", None)
)
@pytest.mark.parametrize("native", [False, True])
def test_the_same_way(build, kind, options, native, request):
    registry = request.getfixturevalue("registry") if native else REGISTRY
    model = c2.ModelHelper("trained")
    shape = build(model)
    model.add_gradients("loss")
    getattr(optimizer, f"build_{kind}")(model, base_learning_rate=0.05, **options)
    spaces = [c2.Workspace(registry=REGISTRY), c2.Workspace(registry=registry)]
    rng = np.random.default_rng(3)
    start = c2.Workspace(registry=REGISTRY)
    start.run_once(model.param_init_net)
    init = {name: start[name] for name in start.blobs() if hasattr(start.blob(name).value, "dtype")}
    for space in spaces:
        space.run_once(model.param_init_net)
        for name, value in init.items():
            space.feed(name, value)
    one_by_one = {n: start.blob(n).value for n in start.blobs()}
    simple = compiled = None
    for _ in range(STEPS):
        x = rng.standard_normal((4, *shape)).astype(np.float32)
        label = rng.integers(0, 3, 4).astype(np.int32)
        one_by_one.update(x=x.copy(), label=label.copy())
        run_ops(REGISTRY, model.net.ops, one_by_one)
        for space in spaces:
            space.feed("x", x)
            space.feed("label", label)
        if simple is None:
            simple = spaces[0].create(model.net)
            checked = check_net(model.net.proto, registry)
            compiled = CompiledNet(checked, spaces[1], registry, keep=["loss"])
        simple.run()
        compiled.run()
        for name in ("loss", *(n for n in checked.needs() if n in init)):
            expected = one_by_one[name]
            np.testing.assert_allclose(
                spaces[0][name], expected, 1e-4, 1e-5, err_msg=f"simple {name}"
            )
            np.testing.assert_allclose(
                spaces[1][name], expected, 1e-4, 1e-5, err_msg=f"compiled {name}"
            )
    assert any((init[name] != one_by_one[name]).any() for name in map(str, model.parameters))
    assert compiled.compiled == 1
