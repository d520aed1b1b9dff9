"""Dropout in training mode inside compiled nets: which elements it drops, and that its gradient drops the same."""

import numpy as np
import pytest

import c2
from c2 import brew
from c2.build.initializers import Initializer
from c2.compile.net import CompiledNet
from c2.graph.check import check_net
from c2.registry import core_registry


def dropping(registry, x, ratio, seed=7, threads=1):
    net = c2.Net("drop")
    option = {"device_option": c2.device_option("CPU", random_seed=seed)}
    net.op("Dropout", "x", ["y", "mask"], ratio=ratio, is_test=0, **option)
    workspace = c2.Workspace(registry=registry)
    workspace.feed("x", x)
    made = CompiledNet(
        check_net(net.proto, registry), workspace, registry, keep=["y", "mask"], threads=threads
    )
    assert [s.engine for s in made.program().stages] == ["MKL"]

    def run():
        made.run()
        return workspace["y"].copy(), workspace["mask"].copy()

    return run


@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.5, 0.875])
@pytest.mark.parametrize("size", [1, 4095, 100_001])
def test_what_is_kept_is_scaled_and_as_much_as_chance_says(registry, ratio, size):
    x = np.random.default_rng(0).uniform(1, 2, size).astype(np.float32)
    y, mask = dropping(registry, x, ratio)()
    np.testing.assert_allclose(y, np.where(mask, x / (1 - ratio), 0), rtol=1e-6)
    assert abs((~mask).sum() - ratio * size) <= 6 * np.sqrt(size * ratio * (1 - ratio))
    neighbours = np.corrcoef(mask[:-1], mask[1:])[0, 1] if ratio > 0 and size > 1 else 0.0
    assert abs(neighbours) < 6 / np.sqrt(size)


def test_seed_run_and_threads(registry):
    x = np.ones(300_000, np.float32)
    first, again, shared, other = (
        dropping(registry, x, 0.5, seed, threads)
        for seed, threads in ((7, 1), (7, 1), (7, 2), (8, 1))
    )
    masks = [first()[1] for _ in range(3)]
    for run in (again, shared):
        for mask in masks:
            np.testing.assert_array_equal(run()[1], mask)
    different = other()[1]
    for mask in [*masks[1:], different]:
        assert abs(np.corrcoef(masks[0], mask)[0, 1]) < 6 / np.sqrt(x.size)


def test_a_dropped_nan_is_no_number(registry):
    x = np.tile(np.array([np.nan, np.inf, 1], np.float32), 50)
    y, mask = dropping(registry, x, 0.5)()
    dropped = ~mask.reshape(-1, 3)
    np.testing.assert_array_equal(
        np.isnan(y.reshape(-1, 3)), dropped & [False, True, False] | [True, False, False]
    )


def perceptron(model):
    h = brew.fc(model, "data", "fc0", dim_in=20, dim_out=32)
    model.Dropout(model.Relu(h, h), ["dropped", "mask"], ratio=0.25, is_test=0)
    return brew.fc(model, "dropped", "pred", dim_in=32, dim_out=5), (20,)


def decoder(model):
    """Every other family of native kernels beside Dropout, convolutions and what was there before."""
    h = brew.conv(
        model, "data", "c0", dim_in=3, dim_out=16, kernel=3, pad=1, no_gradient_to_input=1
    )
    h = brew.lrn(model, model.Relu(h, h), "lrn", size=5, alpha=0.1, beta=0.75)
    h = brew.conv_transpose(model, h, "up", dim_in=16, dim_out=12, kernel=4, stride=2, pad=1)
    h = brew.instance_norm(model, h, "instance", dim_in=12)
    h = brew.average_pool(model, model.Gelu(h, "bent"), "pool", kernel=2, stride=2)
    h = brew.fc(model, h, "fc0", dim_in=12 * 64, dim_out=32)
    model.Dropout(h, ["dropped", "mask"], ratio=0.25, is_test=0)
    h = brew.layer_norm(model, "dropped", "layer", dim_in=32)[0]
    h = model.Mul([h, brew.fc(model, "dropped", "gate", dim_in=32, dim_out=32)], "gated")
    h = model.Add(
        [h, model.create_param("shift", [32], Initializer("ConstantFill", value=0.1))],
        "moved",
        broadcast=1,
    )
    return brew.fc(model, h, "pred", dim_in=32, dim_out=5), (3, 8, 8)


def model_with_dropout(build):
    model = c2.ModelHelper(build.__name__)
    scores, shape = build(model)
    model.SoftmaxWithLoss([scores, "label"], ["softmax", "loss"])
    model.add_gradients("loss")
    c2.optimizer.build_sgd(model, 0.1, momentum=0.9)
    model.set_random_seed(3)
    return model, shape


def with_given_mask(model):
    """The same net with products in place of Dropout and its gradient."""
    net = c2.Net("given")
    net.proto.CopyFrom(model.net.proto)
    for op in net.proto.op:
        if op.type in ("Dropout", "DropoutGrad"):
            inputs, outputs = [op.input[0], "factors"], [op.output[0]]
            op.Clear()
            op.type = "Mul"
            op.input.extend(inputs)
            op.output.extend(outputs)
    net.proto.external_input.append("factors")
    return net


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("build", [perceptron, decoder])
def test_training_steps_equal_those_with_the_same_mask(registry, build, threads):
    (model, shape), core = model_with_dropout(build), core_registry()
    reference, workspace = c2.Workspace(registry=core), c2.Workspace(registry=registry)
    drawn = c2.Workspace(registry=core)
    rng = np.random.default_rng(0)
    for one in (drawn, workspace, reference):
        one.run(model.param_init_net)
    simple = net = None
    for _ in range(4):
        feeds = {
            "data": rng.standard_normal((16, *shape)).astype(np.float32),
            "label": rng.integers(0, 5, 16).astype(np.int32),
        }
        for name, value in feeds.items():
            workspace.feed(name, value)
            reference.feed(name, value)
        if net is None:
            for name in map(str, model.get_all_params()):
                workspace.feed(name, drawn[name])
                reference.feed(name, drawn[name])
            net = CompiledNet(
                check_net(model.net.proto, registry),
                workspace,
                registry,
                keep=["loss", "mask"],
                threads=threads,
            )
        net.run()
        reference.feed("factors", workspace["mask"] / np.float32(0.75))
        simple = simple or reference.create(with_given_mask(model))
        simple.run()
        np.testing.assert_allclose(workspace["loss"], reference["loss"], rtol=1e-5)
    for name in map(str, model.get_all_params()):
        error = np.abs(workspace[name] - reference[name]).max()
        assert error < 1e-3 * np.abs(reference[name]).max() + 1e-5, name
    assert len(net.program().calls) == 4, net.program().names
