"""Gradients of operators that give moments too, by a difference quotient of their first output; SpatialBN in a net."""

import numpy as np
import pytest

import c2
from c2.autodiff.maker import GradientContext
from c2.registry import core_registry
from c2.testing.run import run_op, run_ops

REGISTRY = core_registry()
RNG = np.random.default_rng(0)
CASES = [
    ("SpatialBN", "X scale bias mean var", "Y mean var m r", {"is_test": 0}),
    ("SpatialBN", "X scale bias mean var", "Y mean var m r", {"is_test": 0, "order": "NHWC"}),
    ("SpatialBN", "X scale bias mean var", "Y", {"is_test": 1}),
    ("InstanceNorm", "X scale bias", "Y m r", {}),
    ("GroupNorm", "X scale bias", "Y m r", {"group": 2}),
    ("GroupNorm", "X scale bias", "Y m r", {"group": 2, "order": "NHWC"}),
    ("LayerNorm", "X", "Y m s", {"axis": 2}),
    ("LayerNorm", "X row row2", "Y m s", {"axis": -1, "elementwise_affine": 1}),
    ("RMSNorm", "X row row2", "Y r", {"axis": -1}),
    ("LRN", "X", "Y s", {"size": 3, "alpha": 0.5, "beta": 0.75}),
]


def blobs():
    made = {
        "X": RNG.standard_normal((3, 4, 5, 4)),
        "row": RNG.uniform(0.5, 2, 4),
        "row2": RNG.standard_normal(4),
    }
    for name in ("scale", "var"):
        made[name] = RNG.uniform(0.5, 2, 4)
    for name in ("bias", "mean"):
        made[name] = RNG.standard_normal(4)
    return made


@pytest.mark.parametrize(("type_", "inputs", "outputs", "args"), CASES)
def test_gradient_of_the_first_output(type_, inputs, outputs, args):
    op, values = c2.create_op(type_, inputs.split(), outputs.split(), **args), blobs()
    env = dict(values)
    run_op(REGISTRY, op, env)
    dY = RNG.standard_normal(values["X"].shape)
    flowing = ["Y_grad"] + [None] * (len(op.output) - 1)
    context = GradientContext(op, REGISTRY.schema(type_), flowing)
    made = REGISTRY.gradient_maker(type_)(context)
    run_ops(REGISTRY, made, env := {**env, "Y_grad": dY})
    checked = 0
    for name, gradient in zip(op.input, context.g_input):
        if gradient is None:
            continue
        direction, step = RNG.standard_normal(values[name].shape), 1e-6
        ends = []
        for sign in (1, -1):
            moved = {**values, name: values[name] + sign * step * direction}
            run_op(REGISTRY, op, moved)
            ends.append(np.sum(moved["Y"] * dY))
        quotient = (ends[0] - ends[1]) / (2 * step)
        np.testing.assert_allclose(np.sum(env[gradient] * direction), quotient, 1e-5, 1e-6)
        checked += 1
    assert checked == sum(name not in ("mean", "var") for name in op.input)


def test_running_moments_are_updated_in_place():
    workspace = c2.Workspace()
    X = RNG.standard_normal((8, 2, 3)).astype(np.float32) + 5
    for name, value in {
        "X": X,
        "s": np.ones(2),
        "b": np.zeros(2),
        "m": np.zeros(2),
        "v": np.ones(2),
    }.items():
        workspace.feed(name, value.astype(np.float32))
    net = c2.Net("train")
    net.op(
        "SpatialBN", ["X", "s", "b", "m", "v"], ["Y", "m", "v", "sm", "sv"], is_test=0, momentum=0.9
    )
    runnable = workspace.create(net)
    for _ in range(200):
        runnable.run()
    rows = X.transpose(1, 0, 2).reshape(2, -1)
    np.testing.assert_allclose(workspace["m"], rows.mean(1), 1e-4)
    np.testing.assert_allclose(workspace["v"], rows.var(1, ddof=1), 1e-3)


def test_gradients_of_several_batches_read_the_sums():
    op = c2.create_op(
        "SpatialBN",
        [*"Xsbmv", "su", "sq"],
        ["Y", "m", "v", "sm", "sv"],
        is_test=0,
        num_batches=2,
    )
    context = GradientContext(op, REGISTRY.schema("SpatialBN"), ["Y_grad", None, None, None, None])
    (made,) = REGISTRY.gradient_maker("SpatialBN")(context)
    assert list(made.input) == ["X", "s", "Y_grad", "sm", "sv", "s_grad", "b_grad"]
    assert list(made.output) == ["X_grad", "s_grad", "b_grad"]


def test_wrong_numbers_of_blobs_are_told():
    for op, text in [
        (
            c2.create_op("SpatialBN", list("Xsbmv"), ["Y"], is_test=0),
            "is_test=0 gives 5 outputs, got 1",
        ),
        (c2.create_op("SpatialBN", list("Xsbm"), ["Y"], is_test=1), "input"),
        (c2.create_op("GroupNorm", list("Xsb"), ["Y", "m"], group=2), "gives 1 output, or 3"),
    ]:
        net = c2.Net("wrong")
        net.proto.op.append(op)
        workspace = c2.Workspace()
        for name in op.input:
            workspace.feed(name, np.ones((1, 4, 2, 2) if name == "X" else 4, np.float32))
        with pytest.raises(c2.C2Error, match=text):
            workspace.run_once(net)


def test_what_a_gradient_reads_must_be_kept():
    for op, text in [
        (c2.create_op("GroupNorm", list("Xsb"), ["Y"]), "Ask for the outputs Y, mean, inv_std"),
        (
            c2.create_op("AffineChannel", list("Xsb"), ["X"], is_learnable=1),
            "Give the output a name of its own",
        ),
    ]:
        context = GradientContext(op, REGISTRY.schema(op.type), ["Y_grad"])
        with pytest.raises(c2.GradientError, match=text):
            REGISTRY.gradient_maker(op.type)(context)
