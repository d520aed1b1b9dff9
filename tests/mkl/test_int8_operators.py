"""Caffe2's operators on 8-bit tensors by c2-mkl: what real Caffe2 gave, integer arithmetic, and wrong ones."""

import sys
from pathlib import Path

import numpy as np
import pytest

import c2
from c2.errors import C2Error
from c2.ops.conv.direct import direct_conv
from c2.serialize.blobs import Int8Tensor

sys.path.insert(0, str(Path(__file__).parents[1] / "golden"))
try:
    from test_int8 import OFF, QUESTIONS, steps_off
finally:
    sys.path.pop(0)

NATIVE = ["Int8Conv", "Int8ConvRelu", "Int8FC", "Int8Add", "Int8AddRelu", "Int8Sum", "Int8SumRelu"]
X_SCALE, W_SCALE = 0.1, 0.04


@pytest.fixture(scope="module")
def products(onednn):
    from c2_mkl.int8.call import why_no_int8

    if (reason := why_no_int8()) is not None:
        pytest.skip(reason)


@pytest.mark.parametrize("type_", NATIVE)
def test_they_give_what_caffe2_gave(registry, type_):
    off = np.concatenate([steps_off(q, registry) for q in QUESTIONS if q["type"] == type_])
    assert off.max() <= 1
    assert off.mean() <= OFF


def net_of(registry, type_, feeds, **args):
    workspace = c2.Workspace(registry=registry)
    for name, value in feeds.items():
        workspace.blob(name).value = value
    net = c2.Net("one")
    net.op(type_, list(feeds), "y", **args)
    return workspace, workspace.create(net)


def engine_of(made):
    return made.binders[0].choice.kernel.engine


def drawn(rng, *shape, scale=X_SCALE, zero_point=100):
    return Int8Tensor(rng.integers(0, 256, shape).astype(np.uint8), scale, zero_point)


def bias_of(rng, size):
    return Int8Tensor(rng.integers(-999, 999, size).astype(np.int32), X_SCALE * W_SCALE, 0)


def steps(value):
    return value.data.astype(np.int64) - value.zero_point


def in_bytes(sums, Y_scale, zero_point, least=0):
    count = np.rint(sums * (X_SCALE * W_SCALE / Y_scale)) + zero_point
    return np.clip(count, least, 255).astype(np.uint8)


CONVOLUTIONS = {
    "3x3": ((2, 9, 7, 32), (16, 3, 3, 32), {"kernel": 3, "pad": 1}),
    "few channels": ((2, 9, 7, 3), (10, 5, 5, 3), {"kernel": 5, "stride": 2, "pad": 2}),
    "1x1": ((1, 6, 6, 40), (24, 1, 1, 40), {"kernel": 1}),
    "groups": ((1, 8, 8, 32), (32, 3, 3, 16), {"kernel": 3, "group": 2}),
    "depthwise": ((1, 9, 9, 32), (32, 3, 3, 1), {"kernel": 3, "group": 32, "pad": 1}),
    "dilated": ((1, 9, 9, 16), (16, 2, 2, 16), {"kernel": 2, "dilation": 2}),
}


@pytest.mark.parametrize("zero_point", [128, 120, 0, 255], ids="filters about {}".format)
@pytest.mark.parametrize("form", CONVOLUTIONS)
def test_convolutions_are_exact(registry, products, form, zero_point):
    """Filters about 128 fit 8 bits with a sign; about others they leave them by some steps, or all of them."""
    shape, filters, args = CONVOLUTIONS[form]
    rng = np.random.default_rng(1)
    W = drawn(rng, *filters, scale=W_SCALE, zero_point=zero_point)
    feeds = {"x": drawn(rng, *shape), "w": W, "b": bias_of(rng, filters[0])}
    images, kernels = (np.moveaxis(steps(feeds[n]), 3, 1).astype(np.float64) for n in "xw")
    none = {"stride": (1, 1), "dilation": (1, 1), "group": args.get("group", 1)}
    pads = {"head": (args.get("pad", 0),) * 2, "tail": (args.get("pad", 0),) * 2}
    given = {k: (args[k],) * 2 for k in ("stride", "dilation") if k in args}
    exact = direct_conv(images, kernels, feeds["b"].data.astype(float), **{**none, **pads, **given})
    sums = np.moveaxis(exact, 1, 3)
    scale = float(np.abs(sums).max()) * X_SCALE * W_SCALE / 150  # so that both ends are reached
    for type_, least in (("Int8Conv", 0), ("Int8ConvRelu", 90)):
        workspace, made = net_of(
            registry, type_, feeds, order="NHWC", Y_scale=scale, Y_zero_point=90, **args
        )
        made.run()
        made.run()
        assert engine_of(made) == "MKL"
        found = workspace.blob("y").value
        expected = in_bytes(sums, np.float32(scale).item(), 90, least)
        np.testing.assert_array_equal(found.data, expected)
        assert len(np.unique(found.data)) > 20 or least


@pytest.mark.parametrize(
    ("shape", "axis"), [((1, 64), 1), ((7, 3, 20), 1), ((2, 5, 33), 2), ((0, 4), 1)]
)
def test_dense_layers_are_exact(registry, products, shape, axis):
    rng = np.random.default_rng(2)
    K = int(np.prod(shape[axis:]))
    feeds = {
        "x": drawn(rng, *shape), "w": drawn(rng, 11, K, scale=W_SCALE, zero_point=121), "b": bias_of(rng, 11),
    }  # fmt: skip
    workspace, made = net_of(registry, "Int8FC", feeds, axis=axis, Y_scale=8.0, Y_zero_point=100)
    made.run()
    sums = steps(feeds["x"]).reshape(*shape[:axis], K) @ steps(feeds["w"]).T + feeds["b"].data
    np.testing.assert_array_equal(workspace.blob("y").value.data, in_bytes(sums, 8.0, 100))


@pytest.mark.parametrize("type_", ["Int8Add", "Int8AddRelu", "Int8Sum", "Int8SumRelu"])
@pytest.mark.parametrize("shape", [(), (0, 3), (3, 5), (1500,), (2, 30, 40)])
def test_sums(registry, type_, shape):
    rng = np.random.default_rng(3)
    A, B = drawn(rng, *shape), drawn(rng, *shape, scale=0.25, zero_point=30)
    workspace, made = net_of(registry, type_, {"a": A, "b": B}, Y_scale=0.25, Y_zero_point=60)
    made.run()
    assert engine_of(made) == "MKL"
    count = steps(A) * 0.4 + steps(B)  # never half way between two bytes
    expected = np.clip(np.rint(count) + 60, 60 if "Relu" in type_ else 0, 255)
    np.testing.assert_array_equal(workspace.blob("y").value.data, expected)


def test_what_changes_between_runs_is_seen(registry, products):
    """Filters and bias written in place, other scales, other shapes."""
    rng = np.random.default_rng(4)
    feeds = {"x": drawn(rng, 3, 16), "w": drawn(rng, 5, 16, scale=W_SCALE), "b": bias_of(rng, 5)}
    workspace, made = net_of(registry, "Int8FC", feeds, Y_scale=8.0, Y_zero_point=100)

    def right():
        made.run()
        x, w, b = (workspace.blob(name).value for name in "xwb")
        sums = (steps(x) @ steps(w).T + b.data) * (x.scale / X_SCALE)
        np.testing.assert_array_equal(workspace.blob("y").value.data, in_bytes(sums, 8.0, 100))

    right()
    feeds["w"].data[:] = rng.integers(0, 256, (5, 16))
    right()
    feeds["b"].data[:] = -900
    right()
    workspace.blob("x").value = drawn(rng, 4, 16, zero_point=3)
    right()
    workspace.blob("x").value = drawn(rng, 4, 16, scale=X_SCALE * 2)
    feeds["b"].scale *= 2
    right()


WRONG = {
    "order": ("Int8Conv", {"kernel": 1, "order": "NCHW"}, "order must be NHWC"),
    "no tensor of 8 bits": ("Int8FC", {}, "X must be an 8-bit tensor"),
    "shapes": ("Int8Add", {}, "A and B must have one shape"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_named(registry, onednn, case):
    type_, args, rule = WRONG[case]
    rng = np.random.default_rng(5)
    feeds = {"x": drawn(rng, 1, 2, 2, 3), "w": drawn(rng, 4, 1, 1, 3), "b": bias_of(rng, 4)}
    if case == "no tensor of 8 bits":
        feeds["x"] = np.zeros((1, 3), np.float32)
    if type_ == "Int8Add":
        del feeds["b"]
    with pytest.raises(C2Error, match=rf"{type_} 'y' \(net 'one.*{rule}"):
        net_of(registry, type_, feeds, **args)[1].run()
