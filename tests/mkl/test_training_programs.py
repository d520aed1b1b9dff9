"""Training steps of compiled nets: losses and parameters equal those of the simple net on the reference kernels."""

import numpy as np
import pytest

import c2
from c2 import brew
from c2.build.initializers import Initializer
from c2.compile.net import CompiledNet
from c2.errors import KernelError
from c2.graph.check import check_net
from c2.registry import core_registry

STEPS = 5
OPTIMIZERS = {
    "sgd": lambda m: c2.optimizer.build_sgd(m, 0.05),
    "momentum": lambda m: c2.optimizer.build_sgd(m, 0.05, momentum=0.9, nesterov=True),
    "adam": lambda m: c2.optimizer.build_adam(m, 1e-3, policy="step", stepsize=2, gamma=0.5),
    "adagrad": lambda m: c2.optimizer.build_adagrad(m, 0.01),
    "rms_prop": lambda m: c2.optimizer.build_rms_prop(m, 1e-3, momentum=0.5),
}


def mlp(model):
    h = "data"
    for k, (dim_in, dim_out) in enumerate([(40, 24), (24, 16)]):
        h = brew.fc(model, h, f"fc{k}", dim_in=dim_in, dim_out=dim_out)
        h = brew.relu(model, h, h) if k else brew.tanh(model, h)
    return brew.fc(model, h, "pred", dim_in=16, dim_out=10), (40,)


def lenet(model):
    """With the channels of LeNet, which fill no block of 8 or 16."""
    h = brew.conv(model, "data", "c1", dim_in=1, dim_out=20, kernel=5, no_gradient_to_input=True)
    h = brew.max_pool(model, h, "p1", kernel=2, stride=2)
    h = brew.conv(model, h, "c2", dim_in=20, dim_out=50, kernel=3)
    h = brew.average_pool(model, h, "p2", kernel=3, stride=2)
    h = brew.fc(model, h, "f", dim_in=50 * 9, dim_out=30)
    h = brew.sigmoid(model, h, "s")
    return brew.fc(model, h, "pred", dim_in=30, dim_out=10), (1, 22, 22)


def conv_bn(model, x, name, dim_in, dim_out, kernel, stride=1):
    h = brew.conv(
        model, x, name, dim_in=dim_in, dim_out=dim_out, kernel=kernel, stride=stride, pad=kernel // 2, no_bias=1,
    )  # fmt: skip
    return brew.spatial_bn(model, h, f"{name}_bn", dim_in=dim_out)


def residual(model, width=16):
    """A stem, a block with the input itself and one with a projection beside it."""
    h = conv_bn(model, "data", "stem", 3, width, 7, 2)
    h = brew.max_pool(model, brew.relu(model, h, h), "pool", kernel=3, stride=2, pad=1)
    for k, stride in enumerate((1, 2)):
        x = h if k == 0 else conv_bn(model, h, f"s{k}", width, width, 1, stride)
        h = conv_bn(model, h, f"a{k}", width, width, 3, stride)
        h = conv_bn(model, brew.relu(model, h, h), f"b{k}", width, width, 1)
        h = brew.sum(model, [h, x], f"sum{k}")
        h = brew.relu(model, h, h)
    h = brew.average_pool(model, h, "mean", global_pooling=1)
    return brew.fc(model, h, "pred", dim_in=width, dim_out=10), (3, 32, 32)


def residual_odd(model):
    return residual(model, width=20)


def gated(model):
    """Arithmetic with and without broadcast, and functions of one number."""
    h = brew.fc(model, "data", "fc0", dim_in=40, dim_out=24)
    gate = model.HardSigmoid(brew.fc(model, "data", "fc1", dim_in=40, dim_out=24), "gate")
    h = model.Mul([model.Swish(h, "h"), gate], "gated")
    width, shift = (
        model.create_param(name, [24], Initializer("ConstantFill", value=value))
        for name, value in (("width", 1.5), ("shift", 0.1))
    )
    h = model.Add([model.Div([h, width], "narrow", broadcast=1), shift], "moved", broadcast=1)
    h = model.Sub([model.Gelu(h, "bent"), model.Softplus(shift, "soft")], "less")
    square = model.Sqrt(model.Scale(model.Exp(model.Negative(model.Sqr(h, "sqr"))), scale=0.5))
    h = model.Add([h, model.Pow(square, "power", exponent=2.0)], "sum")
    return brew.fc(model, h, "pred", dim_in=24, dim_out=10), (40,)


def training_model(build, optimizer, loss):
    model = c2.ModelHelper(build.__name__)
    scores, shape = build(model)
    if loss == "with_loss":
        model.SoftmaxWithLoss([scores, "label"], ["softmax", "loss"])
    else:
        softmax = brew.softmax(model, scores, "softmax")
        model.AveragedLoss(model.LabelCrossEntropy([softmax, "label"], "xent"), "loss")
    brew.accuracy(model, ["softmax", "label"], "accuracy")
    model.add_gradients("loss")
    OPTIMIZERS[optimizer](model)
    model.set_random_seed(3)
    return model, shape


def prepared(model, registry):
    """A workspace with the parameters that c2-core's fillers draw: those of c2-mkl draw others."""
    drawn, workspace = c2.Workspace(registry=core_registry()), c2.Workspace(registry=registry)
    for one in (drawn, workspace):
        one.run(model.param_init_net)
    for name in drawn.blobs():
        if isinstance(drawn.blob(name).value, np.ndarray):  # a lock is not
            workspace.feed(name, drawn[name])
    return workspace


def compiled(model, workspace, registry, **more):
    checked = check_net(model.net.proto, registry)
    return CompiledNet(checked, workspace, registry, keep=["loss", "accuracy"], **more)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("build", "optimizer", "loss"),
    [
        (mlp, "sgd", "with_loss"), (mlp, "adam", "separate"), (mlp, "rms_prop", "with_loss"),
        (lenet, "adam", "separate"), (lenet, "momentum", "with_loss"), (lenet, "adagrad", "separate"),
        (residual, "momentum", "with_loss"), (residual, "adam", "separate"), (residual_odd, "momentum", "with_loss"),
        (gated, "momentum", "with_loss"),
    ],
)  # fmt: skip
def test_steps_equal_those_of_the_simple_net(registry, build, optimizer, loss, threads):
    model, shape = training_model(build, optimizer, loss)
    core = core_registry()
    reference, workspace = prepared(model, core), prepared(model, registry)
    rng = np.random.default_rng(0)
    simple = net = None
    for step in range(STEPS):
        batch = 8 if step != 3 else 5  # another program, over the same parameters
        data = rng.standard_normal((batch, *shape)).astype(np.float32)
        label = rng.integers(0, 10, batch).astype(np.int32)
        for one in (reference, workspace):
            one.feed("data", data)
            one.feed("label", label)
        simple = simple or reference.create(model.net)
        net = net or compiled(model, workspace, registry, threads=threads)
        simple.run()
        net.run()
        np.testing.assert_allclose(workspace["loss"], reference["loss"], rtol=2e-4)
        np.testing.assert_array_equal(workspace["accuracy"], reference["accuracy"])
    for name in map(str, model.get_all_params()):
        expected = reference[name]
        error = np.abs(workspace[name] - expected).max() / np.abs(expected).max()
        assert error < 2e-3, f"{name}: {error}"
    assert net.compiled == 2
    python = [s.node.type for s in net.program().stages if s.native is None]
    allowed = ["LearningRate"] if optimizer != "rms_prop" else ["LearningRate", *["Sub"] * 99]
    assert set(python) <= {"AtomicIter", *allowed}


def test_a_training_net_is_few_calls_of_python(registry):
    model, shape = training_model(residual, "momentum", "with_loss")
    workspace = prepared(model, registry)
    workspace.feed("data", np.ones((4, *shape), np.float32))
    workspace.feed("label", np.zeros(4, np.int32))
    program = compiled(model, workspace, registry).program()
    assert len(program.calls) == 4, program.names  # native, AtomicIter, LearningRate, native
    labels = [s.node.label for s in program.stages]
    assert {"SpatialBN+Relu", "Sum+Relu"} <= set(labels)
    assert "Relu" not in labels, "a seed of its own is no device of its own"


def test_a_label_that_is_no_class_is_an_error_and_changes_nothing(registry):
    model, shape = training_model(mlp, "sgd", "with_loss")
    workspace = prepared(model, registry)
    workspace.feed("data", np.ones((4, *shape), np.float32))
    workspace.feed("label", np.array([0, 9, 10, 1], np.int32))
    before = workspace["pred_w"].copy()
    with pytest.raises(
        KernelError, match=r"SoftmaxWithLoss .*labels must be in \[0, 9\], got 0 to 10"
    ):
        compiled(model, workspace, registry).run()
    np.testing.assert_array_equal(workspace["pred_w"], before)


def test_parameters_that_a_net_writes_are_not_constants(registry):
    """Whoever calls them constant is not believed: packed weights would be those of the first step."""
    model, shape = training_model(lenet, "momentum", "with_loss")
    workspace = prepared(model, registry)
    workspace.feed("data", np.random.default_rng(1).random((8, *shape)).astype(np.float32))
    workspace.feed("label", np.arange(8, dtype=np.int32))
    net = compiled(model, workspace, registry, constants=[str(p) for p in model.params])
    net.run()
    first = float(workspace["loss"])
    for _ in range(20):
        net.run()
    assert float(workspace["loss"]) < 0.85 * first
