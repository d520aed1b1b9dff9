"""What operators of training do over several runs, and what they say when their inputs are wrong."""

import numpy as np
import pytest

import c2
from c2.errors import KernelError, SchemaError
from c2.graph.op import create_op
from c2.proto import NetDef
from c2.registry import core_registry
from c2.testing.run import run_op

REGISTRY = core_registry()
RANDOM = [
    ("UniformFill", {}), ("UniformIntFill", {"max": 1000}), ("GaussianFill", {}), ("XavierFill", {}),
    ("MSRAFill", {}), ("Float16UniformFill", {}), ("UniqueUniformFill", {"min": 0, "max": 999}),
]  # fmt: skip


def net_of(*ops, inputs=()):
    return NetDef(name="net", op=ops, external_input=inputs)


def run_twice(op):
    workspace = c2.Workspace(registry=REGISTRY)
    workspace.create(net_of(op))
    found = []
    for _ in range(2):
        workspace.run("net")
        found.append(np.array(workspace[op.output[0]]))
    return found


@pytest.mark.parametrize(("type_", "args"), RANDOM, ids=[r[0] for r in RANDOM])
def test_equal_seeds_give_equal_numbers_and_runs_go_on(type_, args):
    op = create_op(type_, [], ["Y"], shape=[4, 5], random_seed=7, **args)
    first, second = run_twice(op)
    again, _ = run_twice(op)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)
    op.device_option.random_seed = 8
    assert not np.array_equal(first, run_twice(op)[0])


def test_iter_without_input_counts_by_itself():
    first, second = run_twice(create_op("Iter", [], ["step"]))
    assert (first.tolist(), second.tolist()) == ([1], [2])


def test_iter_counts_in_the_blob_it_is_given():
    workspace = c2.Workspace(registry=REGISTRY)
    workspace.feed("step", np.array([40]))
    workspace.create(net_of(create_op("Iter", ["step"], ["step"]), inputs=["step"]))
    for _ in range(3):
        workspace.run("net")
    assert workspace["step"].tolist() == [43]


def test_a_further_threshold_counts_for_one_run():
    workspace = c2.Workspace(registry=REGISTRY)
    for name, value in {"g": [3.0, 4.0], "norm": [5.0], "more": [0.5]}.items():
        workspace.feed(name, np.array(value, np.float32))
    op = create_op("ClipTensorByScaling", ["g", "norm", "more"], ["clipped"], threshold=2.0)
    workspace.create(net_of(op, inputs=["g", "norm", "more"]))
    for _ in range(2):
        workspace.run("net")
        np.testing.assert_allclose(workspace["clipped"], [0.6, 0.8], 1e-6)


@pytest.mark.parametrize("nesterov", [0, 1])
@pytest.mark.parametrize("fp32_update", [0, 1])
def test_float16_momentum(nesterov, fp32_update):
    rng = np.random.default_rng(1)
    g, m, w = (rng.standard_normal((3, 5)).astype(np.float16) for _ in range(3))
    args = {"momentum": 0.9, "weight_decay": 0.1, "nesterov": nesterov, "fp32_update": fp32_update}
    op = create_op("FP16MomentumSGDUpdate", ["g", "m", "lr", "w"], ["g", "m", "w"], **args)
    blobs = {"g": g, "m": m, "lr": np.array([0.1], np.float32), "w": w}
    results = run_op(REGISTRY, op, blobs)
    new = 0.9 * m.astype(float) + 0.1 * (g.astype(float) + 0.1 * w.astype(float))
    step = new + 0.9 * (new - m.astype(float)) if nesterov else new
    for actual, expected in zip(results, (step, new, w.astype(float) - step), strict=True):
        assert actual.dtype == np.float16
        np.testing.assert_allclose(actual.astype(float), expected, rtol=4e-3, atol=4e-3)


def blobs_of(**arrays):
    return {name: np.asarray(value) for name, value in arrays.items()}


F = np.float32
WRONG = [
    ("FC", blobs_of(X=np.ones((2, 3), F), W=np.ones((4, 5), F), b=np.ones(4, F)), {},
     "columns of W, flattened at axis_w, must equal columns of X, flattened at axis\n  expected 3, got 5"),
    ("BatchMatMul", blobs_of(A=np.ones((2, 3, 4), F), B=np.ones((5, 4, 3), F)), {},
     "Say broadcast=1 for NumPy's broadcasting."),
    ("Softmax", blobs_of(X=np.ones(3, F)), {}, "axis must be in [-1, 0]"),
    ("SoftmaxWithLoss", blobs_of(X=np.ones((2, 3), F), T=np.ones((2, 3), F)), {}, "Say label_prob=1"),
    ("ConstantFill", {}, {"value": 1, "dtype": 1}, "value of dtype float32 must be a float"),
    ("GivenTensorFill", {}, {"values": [1.0, 2.0], "shape": [3]}, "values must fill the shape"),
    ("Dropout", blobs_of(X=np.ones(3, F)), {"is_test": 1, "ratio": 1.0}, "ratio must be below 1"),
    ("LearningRate", blobs_of(step=np.array([1])), {"base_lr": 0.1, "policy": "step"},
     "policy 'step' needs stepsize above 0"),
    ("Adagrad", blobs_of(w=np.ones(3, F), h=np.ones(2, F), g=np.ones(3, F), lr=np.ones(1, F)), {},
     "moment must have as many elements as param"),
    ("RowWiseSparseAdagrad", blobs_of(in0=np.ones((3, 2), F), in1=np.ones(3, F), i=np.array([1, 3]),
                                      g=np.ones((2, 2), F), lr=np.ones(1, F)), {},
     "indices must be rows of param\n  expected 0 to 2, got 1 to 3"),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "blobs", "args", "text"), WRONG, ids=[w[0] for w in WRONG])
def test_a_broken_rule_says_what_was_expected(type_, blobs, args, text):
    with pytest.raises(SchemaError) as error:
        run_in_net(type_, blobs, args)
    assert text in str(error.value)


VALUES = [
    ("LabelCrossEntropy", blobs_of(X=np.ones((2, 3), F), T=np.array([0, 3], np.int32)), {},
     "labels must be in [0, 2], got 0 to 3"),
    ("CrossEntropy", blobs_of(X=np.ones((1, 2), F), T=np.full((1, 2), 2, F)), {}, "For class numbers use LabelCross"),
    ("Accuracy", blobs_of(X=np.ones((1, 2), F), T=np.array([-1], np.int32)), {}, "labels must be in [0, 1]"),
    ("UniqueUniformFill", {}, {"min": 0, "max": 3, "shape": [5]}, "4 are left"),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "blobs", "args", "text"), VALUES, ids=[v[0] for v in VALUES])
def test_a_wrong_value_is_named(type_, blobs, args, text):
    with pytest.raises(KernelError) as error:
        run_in_net(type_, blobs, args)
    assert text in str(error.value)


def run_in_net(type_, blobs, args):
    schema = REGISTRY.schema(type_)
    outputs = [f"out{k}" for k in range(schema.output_range[0])]
    for i, o in schema.inplace_required_pairs:
        outputs[o] = list(blobs)[i]
    workspace = c2.Workspace(registry=REGISTRY)
    for name, value in blobs.items():
        workspace.feed(name, value)
    workspace.run_once(net_of(create_op(type_, list(blobs), outputs, **args), inputs=list(blobs)))
