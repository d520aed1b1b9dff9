"""Parts, transposed axes, resized and padded images: larger shapes, threads, layouts, and parts that are not moved."""

import numpy as np
import pytest

import c2
from c2.compile.net import CompiledNet
from c2.graph.check import check_net


def compiled(registry, net, feeds, keep, threads=2):
    workspace = c2.Workspace(registry=registry)
    for name, value in feeds.items():
        workspace.feed(name, value)
    made = CompiledNet(
        check_net(net.proto, registry), workspace, registry, keep=keep, threads=threads
    )
    made.run()
    made.run()
    assert {s.engine for s in made.program().stages} <= {"MKL", "reorder"}, [
        s.declined for s in made.program().stages
    ]
    return workspace, made.program()


def random(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def split_net(batch_axis=0):
    """A Split of what is made inside, each part used by itself, the last one overwritten in place."""
    net = c2.Net("split")
    net.op("Scale", "x", "h", scale=2.0)
    net.op("Split", "h", ["a", "b", "c"], axis=batch_axis, split=[1, 3, 2])
    net.op("Relu", "c", "c")
    net.op("Negative", "b", "nb")
    net.op("Sqr", "a", "sa")
    net.op("Concat", ["c", "sa", "nb"], ["y", "sizes"], axis=batch_axis)
    return net


@pytest.mark.parametrize("axis", [0, 1])
def test_parts_stay_where_they_are(registry, axis):
    x = random(6, 6, 5)
    workspace, program = compiled(registry, split_net(axis), {"x": x}, ["y"])
    h = 2 * x.astype(float)
    a, b, c = np.split(h, [1, 4], axis)
    np.testing.assert_allclose(
        workspace["y"], np.concatenate([np.maximum(c, 0), a * a, -b], axis), rtol=1e-6
    )
    offsets = program.plan.offsets
    placed = [offsets[n] - offsets["h"] for n in ("a", "b", "c@1" if "c@1" in offsets else "c")]
    assert (placed == [0, 4 * 30, 4 * 120]) == (axis == 0)


def test_parts_of_what_is_needed_later_are_copies(registry):
    net = split_net()
    net.op("Abs", "h", "again")
    x = random(6, 6, 5)
    workspace, program = compiled(registry, net, {"x": x}, ["y", "again"])
    np.testing.assert_array_equal(workspace["again"], np.abs(2 * x))
    assert program.plan.offsets["a"] != program.plan.offsets["h"]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((50, 70), (1, 0)),
        ((3, 40, 5, 60), (0, 2, 3, 1)),
        ((4, 6, 8, 10, 12), (4, 1, 2, 0, 3)),
        ((7, 1, 9), (2, 1, 0)),
    ],
)
def test_transpose(registry, shape, axes, threads):
    net, x = c2.Net("turned"), random(*shape)
    x.ravel()[:4] = np.nan, np.inf, 1e-40, -0.0
    net.op("Transpose", "x", "y", axes=list(axes))
    found = compiled(registry, net, {"x": x}, ["y"], threads)[0]["y"]
    np.testing.assert_array_equal(found.view(np.int32), x.transpose(axes).view(np.int32))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("height", "width"), [(2.0, 2.0), (0.5, 1.5), (3.0, 0.7)])
@pytest.mark.parametrize("type_", ["ResizeNearest", "UpsampleBilinear"])
def test_resize_and_its_gradient(registry, type_, height, width, threads):
    net, x = c2.Net("resized"), random(3, 20, 12, 17)
    args = {"height_scale": height, "width_scale": width}
    net.op(type_, "x", "y", **args)
    net.op(f"{type_}Gradient", ["y", "x"], "dx", **args)
    workspace = compiled(registry, net, {"x": x}, ["y", "dx"], threads)[0]
    ways = [matrix(type_, *one) for one in zip(x.shape[2:], (height, width))]
    Y = np.einsum("yh,xw,nchw->ncyx", *ways, x.astype(float))
    np.testing.assert_allclose(workspace["y"], Y, rtol=1e-5, atol=1e-5)
    dX = np.einsum("yh,xw,ncyx->nchw", *ways, Y)
    np.testing.assert_allclose(workspace["dx"], dX, rtol=1e-5, atol=1e-4)


def matrix(type_, inputs, scale):
    """Row o holds the weights of output o."""
    outputs = int(np.float32(inputs) * np.float32(scale))
    if type_ == "ResizeNearest":
        return np.eye(inputs)[
            [min(int(np.float32(o) / np.float32(scale)), inputs - 1) for o in range(outputs)]
        ]
    at = np.arange(outputs) * (inputs - 1) / max(1, outputs - 1)
    return np.stack([np.interp(at, np.arange(inputs), unit) for unit in np.eye(inputs)], 1)


@pytest.mark.parametrize("C", [16, 20])
@pytest.mark.parametrize(
    "type_", ["ResizeNearest", "UpsampleBilinear", "PadImage", "ChannelShuffle", "Slice"]
)
def test_between_convolutions(registry, type_, C):
    """In the layout of the convolutions where the operator can be, with channels that fill a block and with others."""
    args = {
        "ResizeNearest": {"height_scale": 2.0, "width_scale": 2.0}, "PadImage": {"pad": 2, "value": 1.5},
        "UpsampleBilinear": {"height_scale": 2.0, "width_scale": 1.5}, "ChannelShuffle": {"group": 4},
        "Slice": {"starts": [0, 0, 1], "ends": [-1, -1, 9]},
    }[type_]  # fmt: skip
    net = c2.Net("between")
    net.op("Conv", ["x", "v", "b"], "h", kernel=3)
    net.op(type_, "h", "m", **args)
    net.op("Conv", ["m", "w", "b"], "y", kernel=3)
    feeds = {
        "x": random(2, 3, 14, 14),
        "v": random(C, 3, 3, 3),
        "w": random(C, C, 3, 3),
        "b": random(C),
    }
    found = compiled(registry, net, feeds, ["y"])[0]["y"]
    simple = c2.Workspace(registry=c2.registry.core_registry())
    for name, value in feeds.items():
        simple.feed(name, value)
    simple.create(net).run()
    expected = simple["y"]
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
