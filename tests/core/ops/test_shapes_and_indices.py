"""What shape and index operators say to a wrong net, and what a run with changing values does."""

import numpy as np
import pytest

import c2
from c2.graph.op import create_op
from c2.proto import NetDef


def run(type_, inputs, n_outputs=1, **args):
    workspace = c2.Workspace()
    names = [f"in{k}" for k in range(len(inputs))]
    for name, value in zip(names, inputs):
        workspace.feed(name, value)
    outputs = [f"out{k}" for k in range(n_outputs)]
    op = create_op(type_, names, outputs, name="it", **args)
    workspace.run_once(NetDef(name="wrong", op=[op], external_input=names))
    return [workspace[name] for name in outputs]


X = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.mark.parametrize(
    ("type_", "inputs", "n_outputs", "args", "said"),
    [
        (
            "Reshape",
            [X],
            2,
            {"shape": [4, -1]},
            r"shape must hold as many elements as data\n  expected 6 of \(2, 3\)",
        ),
        ("Reshape", [X], 2, {"shape": [-1, -1]}, "only one entry of shape may be -1"),
        ("Concat", [X, X.T.copy()], 2, {"axis": 0}, "X2 may differ from X1 only along axis 0"),
        ("Concat", [X, X], 2, {"axis": 1, "order": "NCHW"}, "axis and order exclude each other"),
        ("Split", [X], 2, {}, "must divide by the number of outputs"),
        (
            "Slice",
            [X],
            1,
            {"starts": [0, 1], "ends": [1, 2]},
            "only one axis may be cut(.|\n)*Use one Slice per axis",
        ),
        ("Squeeze", [X], 1, {"dims": [1]}, "axis 1 of data must have size 1\n  expected 1, got 3"),
        ("Transpose", [X], 1, {"axes": [0, 0]}, "axes must name each axis of X once"),
        (
            "Cast",
            [X],
            1,
            {"to": "flaot"},
            "must name a data type, got 'flaot'. Did you mean 'FLOAT'",
        ),
        ("TopK", [X], 2, {}, "k must be given, as argument or input, and 1 or more"),
        ("ReduceSum", [X], 1, {"axes": [2]}, r"axes must be in \[-2, 1\]"),
        ("LengthsSum", [X, np.array([2])], 1, {}, "int64"),
    ],
)
def test_a_wrong_net_is_refused_before_it_runs(type_, inputs, n_outputs, args, said):
    with pytest.raises(c2.C2Error, match=said) as raised:
        run(type_, inputs, n_outputs, **args)
    assert f"{type_} 'it'" in str(raised.value)


@pytest.mark.parametrize(
    ("type_", "inputs", "said"),
    [
        (
            "Gather",
            [X, np.array([0, 2])],
            "INDICES must be inside of the axis\n  expected -2 to 1, got 0 to 2",
        ),
        (
            "LengthsSum",
            [X, np.array([1], np.int32)],
            "LENGTHS must add up to the number of rows\n  expected 2, got 1",
        ),
        ("SortedSegmentSum", [X, np.array([0, 2], np.int32)], "SEGMENT_IDS must rise without gaps"),
        ("PackSegments", [np.array([3]), X], "lengths must add up to the number of rows"),
    ],
)
def test_wrong_values_are_refused_when_they_are_seen(type_, inputs, said):
    with pytest.raises(c2.SchemaError, match=said):
        run(type_, inputs)


def test_values_that_tell_the_shape_may_change_between_runs():
    workspace = c2.Workspace()
    workspace.feed("X", X)
    workspace.feed("k", np.array([1]))
    op = create_op("TopK", ["X", "k"], ["values", "indices"])
    workspace.create(NetDef(name="top", op=[op], external_input=["X", "k"]))
    for k in (1, 3, 2):
        workspace.feed("k", np.array([k]))
        workspace.run("top")
        np.testing.assert_array_equal(workspace["indices"], [[2, 1, 0][:k]] * 2)


def test_the_gradient_of_a_split_of_which_one_part_is_used():
    """Caffe2 joins the gradients there are, which has the wrong shape."""
    from c2.autodiff.backward import gradients_of
    from c2.registry import core_registry
    from c2.testing.run import run_ops

    registry = core_registry()
    op = create_op("Split", ["X"], ["a", "b", "c"], axis=1)
    made, (gradient,) = gradients_of(op, [None, "b_grad", None], registry)
    blobs = {"X": X, "b_grad": np.array([[5.0], [7.0]], np.float32)}
    run_ops(registry, [op, *made], blobs)
    np.testing.assert_array_equal(blobs[gradient], [[0, 5, 0], [0, 7, 0]])
