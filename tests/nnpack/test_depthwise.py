"""Depthwise convolutions against the definition in float64: windows, channels, vectors, threads, what is fused."""

import numpy as np
import pytest

import c2
from c2_nnpack.algorithms import depthwise
from c2_nnpack.kernels import vector_lanes
from c2_nnpack.native import convolution as native

LANES = [n for n in (16, 8, 4) if n <= vector_lanes()]
RELATIVE = 2e-6  # of the largest output: sums of up to 49 terms in float32


def drawn(N, C, K, size, kernel, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, C, *size)).astype(np.float32)
    W = (rng.standard_normal((K, 1, *kernel)) / np.sqrt(kernel[0] * kernel[1])).astype(np.float32)
    return {"X": X, "W": W, "b": rng.standard_normal(K).astype(np.float32)}


def by_definition(X, W, b, stride=(1, 1), pads=(0, 0, 0, 0), dilation=(1, 1)):
    """Tap by tap in float64; pads are top, left, bottom, right."""
    top, left, bottom, right = pads
    X = np.pad(X.astype(np.float64), ((0, 0), (0, 0), (top, bottom), (left, right)))
    X = np.repeat(X, W.shape[0] // X.shape[1], 1)
    spans = [(k - 1) * d for k, d in zip(W.shape[2:], dilation)]
    H, width = ((n - s - 1) // step + 1 for n, s, step in zip(X.shape[2:], spans, stride))
    Y = np.zeros((*X.shape[:2], H, width)) + b.reshape(1, -1, 1, 1)
    for i in range(W.shape[2]):
        for j in range(W.shape[3]):
            rows = slice(i * dilation[0], i * dilation[0] + (H - 1) * stride[0] + 1, stride[0])
            columns = slice(
                j * dilation[1], j * dilation[1] + (width - 1) * stride[1] + 1, stride[1]
            )
            Y += X[:, :, rows, columns] * W[:, 0, i, j].reshape(1, -1, 1, 1)
    return Y


@pytest.fixture
def convolved(registry, compiled):
    def convolved(blobs, after=(), threads=1, engine="", **args):
        """Y of a Conv and of the operators `after` it, the engine of each stage, and the labels of native kernels."""
        net = c2.Net("one")
        args.setdefault("group", blobs["X"].shape[1])
        args.setdefault("kernels", list(blobs["W"].shape[2:]))
        net.Conv(["X", "W", "b"], ["Y0" if after else "Y"], engine=engine, **args)
        for k, (type_, more, arguments) in enumerate(after):
            last = "Y" if k == len(after) - 1 else f"Y{k + 1}"
            getattr(net, type_)([f"Y{k}", *more], [last], **arguments)
        net.proto.external_output.append("Y")
        made, workspace = compiled(registry, net, blobs, ["W", "b"], threads)
        made.run()
        made.run()  # what the first run left in scratch memory must not matter
        stages = made.program().stages
        return (
            workspace["Y"],
            [s.engine for s in stages],
            [s.native.label for s in stages if s.native],
        )

    return convolved


def assert_near(found, expected):
    assert np.abs(found - expected).max() <= RELATIVE * np.abs(expected).max()


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize(
    ("channels", "size", "kernel", "window"),
    [
        ((16, 16), (9, 31), (3, 3), {"pads": [1, 1, 1, 1]}),
        ((20, 20), (8, 23), (3, 3), {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
        ((33, 33), (12, 12), (3, 3), {"pads": [0, 1, 1, 0], "strides": [2, 2]}),
        ((16, 16), (9, 14), (5, 5), {"pads": [2, 2, 2, 2]}),
        ((17, 17), (15, 29), (5, 5), {"pads": [2, 2, 2, 2], "strides": [2, 2]}),
        ((16, 16), (6, 5), (3, 3), {"pads": [2, 2, 2, 2]}),
        ((16, 16), (1, 1), (3, 3), {"pads": [1, 1, 1, 1]}),
        ((16, 16), (2, 3), (5, 5), {"pads": [2, 2, 2, 2]}),
        ((16, 16), (20, 40), (7, 7), {"pads": [3, 3, 3, 3]}),
        ((16, 16), (20, 40), (3, 3), {"pads": [2, 2, 2, 2], "dilations": [2, 2]}),
        ((16, 16), (11, 40), (3, 3), {"pads": [1, 0, 1, 0], "dilations": [1, 3], "strides": [2, 3]}),
        ((16, 16), (7, 40), (1, 3), {"strides": [3, 1]}),
        ((5, 5), (4, 6), (2, 4), {}),
        ((16, 32), (7, 9), (3, 3), {"pads": [1, 1, 1, 1]}),
        ((40, 120), (7, 9), (3, 3), {"pads": [1, 1, 1, 1]}),
        ((1, 20), (28, 28), (5, 5), {}),
    ],
)  # fmt: skip
def test_windows(convolved, monkeypatch, channels, size, kernel, window, lanes):
    monkeypatch.setattr(depthwise, "vector_lanes", lambda: lanes)
    monkeypatch.setattr(native, "ALGORITHMS", (depthwise,))  # a single channel is no group
    blobs = drawn(2, *channels, size, kernel)
    Y, _, labels = convolved(blobs, **window)
    names = {"pads": "pads", "strides": "stride", "dilations": "dilation"}
    expected = by_definition(*blobs.values(), **{names[k]: v for k, v in window.items()})
    assert f"DEPTHWISE {kernel[0]}x{kernel[1]}" in labels
    assert_near(Y, expected)


@pytest.mark.parametrize("columns", range(1, 20))
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
def test_every_width_of_image(convolved, columns, kernel, stride):
    blobs = drawn(1, 16, 16, (kernel, columns), (kernel, kernel), columns)
    pad = kernel // 2
    Y, _, _ = convolved(blobs, pad=pad, stride=stride)
    assert_near(Y, by_definition(*blobs.values(), (stride, stride), (pad,) * 4))


@pytest.mark.parametrize("K", [48, 96])
def test_same_bits_for_any_number_of_threads(convolved, K):
    blobs = drawn(2, 48, K, (37, 29), (3, 3))
    results = [convolved(blobs, threads=n, pad=1)[0] for n in (1, 2, 3, 5)]
    assert_near(results[0], by_definition(*blobs.values(), pads=(1, 1, 1, 1)))
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


@pytest.mark.parametrize("K", [32, 20])
@pytest.mark.parametrize(
    ("after", "formula"),
    [
        ([("Relu", [], {})], lambda Y, _: np.maximum(Y, 0)),
        ([("Clip", [], {"min": 0.0, "max": 6.0})], lambda Y, _: np.clip(Y, 0, 6)),
        ([("Sum", ["S"], {}), ("Relu", [], {})], lambda Y, S: np.maximum(Y + S, 0)),
    ],
    ids=["Relu", "Clip", "Sum, Relu"],
)
def test_what_follows_is_done_along(convolved, after, formula, K):
    blobs = drawn(1, K, K, (9, 10), (3, 3))
    S = np.random.default_rng(1).standard_normal((1, K, 9, 10)).astype(np.float32)
    Y, engines, _ = convolved({**blobs, "S": S}, after, pad=1)
    assert [e for e in engines if e != "reorder"] == ["NNPACK"]
    expected = formula(by_definition(*blobs.values(), pads=(1, 1, 1, 1)), S)
    assert np.abs(Y - expected).max() <= RELATIVE * 5


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("at", [0, 11])
def test_nan_and_infinity_reach_their_window_and_nothing_else(convolved, value, at):
    blobs = drawn(1, 16, 16, (12, 12), (3, 3))
    clean = by_definition(*blobs.values(), pads=(1, 1, 1, 1))
    blobs["X"][0, 3, at, at] = value
    Y, _, _ = convolved(blobs, pad=1)
    hit = np.zeros(Y.shape, bool)
    hit[0, 3, max(at - 1, 0) : at + 2, max(at - 1, 0) : at + 2] = True
    np.testing.assert_array_equal(~np.isfinite(Y), hit)
    assert_near(Y[~hit], clean[~hit])


def test_nan_stays_through_clip(convolved):
    blobs = drawn(1, 16, 16, (5, 5), (3, 3))
    blobs["X"][0, 0, 2, 2] = np.nan
    Y, _, _ = convolved(blobs, [("Clip", [], {"min": 0.0, "max": 6.0})], pad=1)
    assert np.isnan(Y[0, 0, 1:4, 1:4]).all()


@pytest.mark.parametrize("engine", ["DEPTHWISE_3x3,NNPACK", "DEPTHWISE_3x3", "NNPACK"])
def test_engines_that_models_name(convolved, engine):
    blobs = drawn(1, 16, 16, (9, 9), (3, 3))
    Y, engines, labels = convolved(blobs, engine=engine, pad=1)
    assert engine.split(",")[0] in engines
    assert "DEPTHWISE 3x3" in labels
    assert_near(Y, by_definition(*blobs.values(), pads=(1, 1, 1, 1)))


def test_engine_depthwise_3x3_leaves_the_rest_to_the_next_one(convolved):
    blobs = drawn(1, 16, 16, (9, 9), (5, 5))
    Y, engines, _ = convolved(blobs, engine="DEPTHWISE_3x3,NNPACK", pad=2)
    assert "NNPACK" in engines
    assert_near(Y, by_definition(*blobs.values(), pads=(2, 2, 2, 2)))


def test_other_groups_are_declined(registry, compiled):
    net = c2.Net("one")
    net.Conv(["X", "W"], ["Y"], kernel=3, group=2)
    net.proto.external_output.append("Y")
    rng = np.random.default_rng(0)
    X, W = (rng.standard_normal(s).astype(np.float32) for s in ((1, 4, 5, 5), (4, 2, 3, 3)))
    made, _ = compiled(registry, net, {"X": X, "W": W}, ["W"])
    made.run()
    (reason,) = [r for s in made.program().stages for e, r in s.declined if e == "NNPACK"]
    assert "as many groups as input channels only" in reason
