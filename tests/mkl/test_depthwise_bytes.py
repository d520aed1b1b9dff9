"""Depthwise convolutions in int8 by the own kernel, beside sums of integers in NumPy."""

import numpy as np
import pytest
from reduced_nets import run, skip_without

import c2


@pytest.fixture(scope="module", autouse=True)
def own_kernel(onednn):
    skip_without("int8")
    from c2_mkl.library import onednn as loaded

    if not loaded().has_own_vnni:
        pytest.skip("no AVX-512 VNNI: oneDNN does it")


def drawn(shape, signed, seed=0):
    """X in steps of 1, filters in steps of powers of two that differ by channel, a bias."""
    rng, channels = np.random.default_rng(seed), shape[1]
    X = rng.integers(-127 if signed else 0, 127 if signed else 255, shape, endpoint=True)
    W = rng.integers(-127, 127, (channels, 1, 3, 3), endpoint=True)
    W[:, 0, 1, 2] = 127
    step = 2.0 ** rng.integers(-2, 2, (channels, 1, 1, 1))
    b = rng.integers(-9999, 9999, channels)
    return X.astype(np.float32), (W * step).astype(np.float32), b.astype(np.float32)


def depthwise_sums(X, W, stride, pads):
    """In float64: window by window, each of them a product of slices."""
    top, left, bottom, right = pads
    padded = np.pad(X.astype(np.float64), ((0, 0), (0, 0), (top, bottom), (left, right)))
    rows, columns = ((size - 3) // stride + 1 for size in padded.shape[2:])
    taps = [
        padded[:, :, y : y + stride * rows : stride, x : x + stride * columns : stride]
        * W[:, 0, y, x, None, None]
        for y in range(3)
        for x in range(3)
    ]
    return sum(one[:, :, :rows, :columns] for one in taps)


def called(made):
    """The contexts of what the convolution calls."""
    stage = next(one for one in made.program().stages if one.node.type == "Conv")
    library, _, calls, _ = stage.native.keep
    return [library.ffi.typeof(one.context).cname for one in calls]


def own_result(registry, X, W, b, args, ranges, post=()):
    """Y of the net, once it is known that the own kernel is what made it."""
    net = c2.Net("depthwise")
    names = ["x", "w"] + ["b"] * (b is not None)
    net.op("Conv", names, "c" if post else "y", **args)
    for type_, more in post:
        net.op(type_, "c", "y", **more)
    net.add_external_output("y")
    feeds = {"x": X, "w": W} | ({} if b is None else {"b": b})
    made, (found,) = run(registry, net, feeds, ["y"], None, names[1:], ranges)
    assert called(made) == ["c2_depthwise_bytes *"]
    return found


@pytest.mark.parametrize("gives_signed", [False, True], ids=["to u8", "to s8"])
@pytest.mark.parametrize("signed", [False, True], ids=["u8", "s8"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(
    ("channels", "rows", "columns", "pads"),
    [
        (16, 1, 1, (1, 1, 1, 1)), (17, 5, 4, (0, 0, 0, 0)), (40, 4, 7, (1, 1, 1, 1)), (63, 3, 2, (2, 1, 0, 1)),
        (100, 6, 5, (0, 1, 1, 0)), (144, 7, 7, (1, 1, 1, 1)), (64, 3, 9, (1, 3, 2, 2)),
    ],
)  # fmt: skip
def test_depthwise_sums_to_half_a_step(
    registry, channels, rows, columns, pads, stride, signed, gives_signed
):
    X, W, b = drawn((2, channels, rows, columns), signed, seed=channels)
    expected = depthwise_sums(X, W, stride, pads) + b[:, None, None]
    step = 2.0 ** np.ceil(np.log2(np.abs(expected).max() / 127))
    low, high = (-127 * step, 127 * step) if gives_signed else (0.0, 255 * step)
    ranges = {"x": (-127.0, 127.0) if signed else (0.0, 255.0), "y": (low, high)}
    args = {"kernel": 3, "stride": stride, "pads": list(pads), "group": channels}
    found = own_result(registry, X, W, b, args, ranges)
    assert np.abs(found - expected.clip(low, high)).max() <= step / 2 * (1 + 1e-5)
    np.testing.assert_array_equal(found / step, np.rint(found / step))


@pytest.mark.parametrize(
    ("post", "range_"),
    [
        ([("Relu", {})], (0.0, 255 * 512.0)),
        ([("Relu", {})], (-127 * 512.0, 127 * 512.0)),
        ([("Clip", {"min": 0.0, "max": 20000.0})], (0.0, 255 * 512.0)),
        ([("Clip", {"min": -5000.0, "max": 6000.0})], (-127 * 512.0, 127 * 512.0)),
    ],
)
def test_activations_cut_off(registry, post, range_):
    X, W, _ = drawn((1, 48, 9, 8), True)
    low, high = (0.0, np.inf) if post[0][0] == "Relu" else post[0][1].values()
    expected = depthwise_sums(X, W, 1, (1, 1, 1, 1)).clip(low, high).clip(*range_)
    ranges = {"x": (-127.0, 127.0), "y": range_}
    args = {"kernel": 3, "pad": 1, "group": 48}
    found = own_result(registry, X, W, None, args, ranges, post)
    assert np.abs(found - expected).max() <= 256 * (1 + 1e-5)


def test_channels_last(registry):
    X, W, b = drawn((2, 80, 5, 6), False)
    expected = depthwise_sums(X, W, 1, (1, 1, 1, 1)) + b[:, None, None]
    ranges = {"x": (0.0, 255.0), "y": (-127 * 4096.0, 127 * 4096.0)}
    last = [np.ascontiguousarray(np.moveaxis(one, 1, -1)) for one in (X, W)]
    args = {"kernel": 3, "pad": 1, "group": 80, "order": "NHWC"}
    found = own_result(registry, *last, b, args, ranges)
    assert np.abs(np.moveaxis(found, -1, 1) - expected).max() <= 2048 * (1 + 1e-5)


def test_what_exceeds_integers_is_left_to_onednn(registry):
    X, W, _ = drawn((1, 16, 3, 3), False)
    net = c2.Net("depthwise")
    net.op("Conv", ["x", "w", "b"], "y", kernel=3, group=16)
    net.add_external_output("y")
    feeds = {"x": X, "w": W, "b": np.repeat(np.float32([1e30, -1e30]), 8)}
    ranges = {"x": (0.0, 255.0), "y": (-127.0, 127.0)}
    made, (found,) = run(registry, net, feeds, ["y"], None, ["w", "b"], ranges)
    assert called(made) == ["c2_primitive *"]
    assert (found.ravel()[:8] >= 127).all()
    assert (found.ravel()[8:] <= -127).all()
