"""Ranges of blobs on samples, and the comparison of a reduced net with itself; by NumPy alone."""

import numpy as np
import pytest

import c2
from c2.build.calibrate import blob_ranges
from c2.build.quantize import compare, quantize
from c2.compile.graph import Graph, build_graph
from c2.compile.passes.ranges import share_ranges
from c2.compile.precision import Precision
from c2.data import batches
from c2.errors import SchemaError
from c2.graph.check import check_net
from c2.graph.infer import infer_net
from c2.place.place import place_net
from c2.registry import core_registry

X = np.array([[1.0, -2.0], [3.0, 0.5], [-4.0, 0.25]], np.float32)


def nets():
    init, net = c2.Net("init"), c2.Net("predict")
    init.op("GivenTensorFill", [], "w", shape=[2, 2], values=[1.0, 1.0, 0.0, -2.0])
    init.op("ConstantFill", [], "b", shape=[2])
    net.op("FC", ["x", "w", "b"], "h")
    net.op("Relu", "h", "h")
    net.op("Cast", "h", "whole", to="int32")
    net.op("Softmax", "h", "y")
    net.add_external_output("y")
    return init, net


def test_ranges_are_those_of_every_version_of_a_blob():
    found = blob_ranges(*nets_as_protos(), batches({"x": X}, 2), registry=core_registry())
    before = X @ np.array([[1.0, 1.0], [0.0, -2.0]]).T
    assert found["x"] == (-4.0, 3.0)
    assert found["h@1"] == (before.min(), before.max())
    assert found["h"] == (0.0, max(before.max(), 0.0))
    assert "whole" not in found, "integers have no use for a range"
    assert "w" not in found, "weights are known without samples"


def nets_as_protos():
    return tuple(net.proto for net in nets())


def test_the_nets_stay_as_they_are():
    init, net = nets_as_protos()
    made = quantize(init, net, batches({"x": X}, 2), registry=core_registry())
    assert not net.arg
    assert [op.SerializeToString() for op in made.op] == [op.SerializeToString() for op in net.op]
    assert {arg.name for arg in made.arg} == {"precision", "range_blobs", "range_min", "range_max"}
    expected = c2.Predictor(init, net, registry=core_registry())(x=X)["y"]
    found = c2.Predictor(init, made, registry=core_registry(), precision="fp32")(x=X)["y"]
    np.testing.assert_array_equal(found, expected)


def test_samples_must_be_finite():
    bad = X.copy()
    bad[1, 1] = np.nan
    with pytest.raises(SchemaError, match="blob 'x' goes from nan to nan on the samples"):
        blob_ranges(*nets_as_protos(), batches({"x": bad}, 2), registry=core_registry())


def far_out(rows=4000, far=4, end=50.0):
    """Uniform numbers in 0..1, and a few at the end of a wide empty range."""
    x = np.random.default_rng(0).uniform(0, 1, (rows, 2)).astype(np.float32)
    x[:far, 0] = end
    return x


def ranges_of(x, **options):
    init, net = c2.Net("init"), c2.Net("predict")
    net.op("Copy", "x", "y")
    net.add_external_output("y")
    return blob_ranges(
        init.proto, net.proto, batches({"x": x}, 512), registry=core_registry(), **options
    )["y"]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_share_of_the_numbers_is_cut_off(sign):
    """One number in 10,000: of 8,000 none but the farthest; the ends are known to a bin of 4,096."""
    x = sign * far_out(far=0)
    expected = np.sort(abs(x).ravel())[-1]
    found = ranges_of(x, calibrate="percentile")
    assert found[sign > 0] == pytest.approx(sign * expected, abs=1 / 4096)
    x = far_out(rows=40000, far=7)
    assert ranges_of(x, calibrate="percentile")[1] < 1.03
    assert ranges_of(x, calibrate="minmax")[1] == 50.0


def squared_error(x, end):
    """Of rounding to 255 steps of no sign."""
    return np.square(x - np.clip(np.rint(x / (end / 255)), 0, 255) * (end / 255)).sum()


@pytest.mark.parametrize("end", [1.5, 4.0, 50.0])
def test_the_least_square_of_errors(end):
    x = far_out(end=end).astype(np.float64)
    found = ranges_of(far_out(end=end), calibrate="mse")[1]
    least = min(squared_error(x, e) for e in np.linspace(0.02, 1, 400) * end)
    assert squared_error(x, found) < 1.05 * least


def test_numbers_of_zero_have_a_range():
    zeros = np.zeros((4, 2), np.float32)
    assert {ranges_of(zeros, calibrate=c) for c in ("minmax", "percentile", "mse")} == {(0.0, 0.0)}


def test_an_unknown_calibration_is_refused():
    with pytest.raises(SchemaError, match=r"one of minmax, percentile, mse, got 'mss'.*'mse'"):
        ranges_of(X, calibrate="mss")


class Scores:
    """A predictor that gives what it was given times a factor, reversed for the rows named."""

    outputs = ("y",)

    def __init__(self, factor, wrong=()):
        self.factor, self.wrong = factor, wrong

    def __call__(self, arrays):
        x = self.factor * arrays["x"]
        for row in self.wrong:
            x[row] = x[row, ::-1]
        return {"y": x}


def test_a_comparison():
    found = compare(
        [Scores(1.0), Scores(1.1, wrong=[1])], batches({"x": X}, 3), np.array([0, 0, 0])
    )
    assert (found.rows, found.agreement) == (3, pytest.approx(2 / 3))
    assert (found.full_accuracy, found.accuracy) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert found.error == pytest.approx((3.3 - 0.5) / 4)
    assert compare([Scores(1.0), Scores(1.0)], batches({"x": X}, 2)).accuracy is None
    with pytest.raises(SchemaError, match=r"labels must be \(3,\), one per row; got \(2,\)"):
        compare([Scores(1.0), Scores(1.0)], batches({"x": X}, 2), np.zeros(2))


def graph_of(net, ranges):
    checked = check_net(net.proto, core_registry())
    placed = place_net(checked, core_registry())
    graph = build_graph(infer_net(checked, {}).ops, placed.ops, {}, ["j"])
    return Graph(graph.nodes, precision=Precision("int8", ranges))


def test_joined_blobs_share_the_range_of_the_whole():
    net = c2.Net("joined")
    net.op("Relu", "x", "a")
    net.op("MaxPool", "a", "p", kernel=2)
    net.op("Relu", "x", "b")
    net.op("Concat", ["p", "b"], ["j", "sizes"], axis=1)
    ranges = {"x": (-3.0, 3.0), "a": (0.0, 1.0), "p": (0.5, 1.0), "b": (0.0, 2.0), "j": (0.0, 2.0)}
    shared = share_ranges(graph_of(net, ranges))
    assert shared.precision.ranges == {**ranges, "a": (0.0, 2.0), "p": (0.0, 2.0)}
    assert shared.log == ("ranges: 'a', 'p' as wide as what they are joined into",)
    plain = graph_of(net, {})
    assert share_ranges(plain) is plain
