"""Winograd convolutions against the definition in float64: sizes, pads, channels, vectors, threads, what is fused."""

import numpy as np
import pytest

import c2
from c2_nnpack.algorithms import winograd
from c2_nnpack.convolution import Convolution
from c2_nnpack.kernels import vector_lanes

TILES = sorted(winograd.ERRORS)
LANES = [n for n in (16, 8, 4) if n <= vector_lanes()]


@pytest.fixture
def use(monkeypatch):
    """use(m, lanes): the algorithm and the vectors of what is built from now on."""

    def use(m, lanes=None):
        monkeypatch.setattr(winograd, "worthwhile", lambda *_: [m])
        if lanes:
            monkeypatch.setattr(winograd, "vector_lanes", lambda: lanes)

    return use


def drawn(N, C, K, H, W, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, C, H, W)).astype(np.float32)
    filters = (rng.standard_normal((K, C, 3, 3)) * np.sqrt(2 / (9 * C))).astype(np.float32)
    return {"X": X, "W": filters, "b": rng.standard_normal(K).astype(np.float32)}


def by_definition(X, W, b=None, pads=(1, 1, 1, 1)):
    """Convolution 3x3 in float64; pads are top, left, bottom, right."""
    top, left, bottom, right = pads
    X = np.pad(X.astype(np.float64), ((0, 0), (0, 0), (top, bottom), (left, right)))
    windows = np.lib.stride_tricks.sliding_window_view(X, (3, 3), (2, 3))
    Y = np.einsum("nchwij,kcij->nkhw", windows, W.astype(np.float64), optimize=True)
    return Y if b is None else Y + b.reshape(1, -1, 1, 1)


@pytest.fixture
def convolved(registry, compiled):
    def convolved(blobs, after=(), threads=1, constants=("W", "b"), **args):
        """Y of a Conv and of the operators `after` it (from blob "Y0" on), and the engine of each stage."""
        net = c2.Net("one")
        net.Conv(
            [n for n in ("X", "W", "b") if n in blobs], ["Y0" if after else "Y"],
            **{"kernel": 3, **args}, **({} if "pads" in args else {"pad": 1}),
        )  # fmt: skip
        for k, (type_, more, arguments) in enumerate(after):
            last = "Y" if k == len(after) - 1 else f"Y{k + 1}"
            getattr(net, type_)([f"Y{k}", *more], [last], **arguments)
        net.proto.external_output.append("Y")
        made, workspace = compiled(registry, net, blobs, constants, threads)
        made.run()
        made.run()  # what the first run left in scratch memory must not matter
        return workspace["Y"], [s.engine for s in made.program().stages], made

    return convolved


def assert_near(found, expected, m, where=...):
    largest = np.abs(expected[np.isfinite(expected)]).max()
    assert np.abs(found - expected)[where].max() <= winograd.ERRORS[m] * largest


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("m", TILES)
@pytest.mark.parametrize(
    ("shape", "pads"),
    [
        ((1, 16, 16, 6, 6), (1, 1, 1, 1)),
        ((2, 20, 40, 13, 11), (1, 1, 1, 1)),
        ((3, 3, 5, 7, 4), (0, 0, 0, 0)),
        ((1, 48, 33, 5, 17), (2, 0, 1, 3)),
        ((1, 33, 80, 1, 1), (1, 1, 1, 1)),
        ((8, 16, 16, 12, 9), (1, 1, 1, 1)),
    ],
)
def test_sizes(convolved, use, shape, pads, m, lanes):
    use(m, lanes)
    blobs = drawn(*shape)
    Y, engines, _ = convolved(blobs, pads=list(pads))
    assert "NNPACK" in engines
    assert_near(Y, by_definition(blobs["X"], blobs["W"], blobs["b"], pads), m)


@pytest.mark.parametrize("m", TILES)
@pytest.mark.parametrize("mean", [0.0, 3.0])
@pytest.mark.parametrize("positive", [False, True])
def test_error_bound(convolved, use, m, mean, positive):
    use(m)
    blobs = drawn(1, 512, 32, 12, 12)
    blobs["X"] += np.float32(mean)
    if positive:
        blobs["W"] = np.abs(blobs["W"])
    Y, _, _ = convolved(blobs)
    assert_near(Y, by_definition(blobs["X"], blobs["W"], blobs["b"]), m)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("m", TILES)
@pytest.mark.parametrize("size", [(40, 31), (8, 7)], ids=["share tiles", "share outputs"])
def test_same_bits_for_any_number_of_threads(convolved, use, size, m, lanes):
    use(m, lanes)
    blobs = drawn(2, 32, 72, *size)
    results = [convolved(blobs, threads=n)[0] for n in (1, 2, 3, 5)]
    assert_near(results[0], by_definition(blobs["X"], blobs["W"], blobs["b"]), m)
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


CLIP = {"min": -0.5, "max": 0.75}


@pytest.mark.parametrize("K", [32, 20])
@pytest.mark.parametrize(
    ("after", "formula"),
    [
        ([("Relu", [], {})], lambda Y, _: np.maximum(Y, 0)),
        ([("Clip", [], CLIP)], lambda Y, _: np.clip(Y, -0.5, 0.75)),
        ([("Clip", [], {"min": 0.25})], lambda Y, _: np.maximum(Y, 0.25)),
        ([("Sum", ["S"], {})], lambda Y, S: Y + S),
        ([("Sum", ["S"], {}), ("Relu", [], {})], lambda Y, S: np.maximum(Y + S, 0)),
        ([("Sigmoid", [], {})], lambda Y, _: 1 / (1 + np.exp(-Y))),
    ],
    ids=["Relu", "Clip", "Clip above 0", "Sum", "Sum, Relu", "Sigmoid"],
)
def test_what_follows(convolved, use, after, formula, K):
    use(4)
    blobs = drawn(1, 16, K, 9, 10)
    S = np.random.default_rng(1).standard_normal((1, K, 9, 10)).astype(np.float32)
    Y, engines, _ = convolved({**blobs, "S": S}, after)
    assert "NNPACK" in engines
    expected = formula(by_definition(blobs["X"], blobs["W"], blobs["b"]), S)
    assert np.abs(Y - expected).max() <= winograd.ERRORS[4] * 5


def test_without_bias_and_with_a_fed_one(convolved, use):
    use(4)
    blobs = drawn(1, 16, 16, 8, 8)
    expected = by_definition(blobs["X"], blobs["W"])
    bias = blobs.pop("b")
    assert_near(convolved(blobs)[0], expected, 4)
    Y, engines, _ = convolved({**blobs, "b": bias}, constants=["W"])
    assert "NNPACK" in engines
    assert_near(Y, expected + bias.reshape(1, -1, 1, 1), 4)


def test_chain_stays_in_blocks(registry, use, compiled):
    """Between two convolutions nothing is reordered, and a residual sum is added in place."""
    use(4)
    one, two = drawn(1, 16, 32, 12, 12), drawn(1, 32, 16, 12, 12, seed=1)
    net = c2.Net("chain")
    net.Conv(["X", "W", "b"], ["A"], kernel=3, pad=1)
    net.Relu(["A"], ["A"])
    net.Conv(["A", "V", "c"], ["B"], kernel=3, pad=1)
    net.Sum(["B", "X"], ["B"])
    net.Relu(["B"], ["Y"])
    net.proto.external_output.append("Y")
    blobs = {**one, "V": two["W"], "c": two["b"]}
    made, workspace = compiled(registry, net, blobs, ["W", "b", "V", "c"], threads=2)
    made.run()
    engines = [s.engine for s in made.program().stages]
    assert engines == ["reorder", "NNPACK", "NNPACK", "reorder"]
    A = np.maximum(by_definition(one["X"], one["W"], one["b"]), 0)
    Y = np.maximum(by_definition(A, two["W"], two["b"]) + one["X"], 0)
    assert_near(workspace["Y"], Y, 6)


@pytest.mark.parametrize("m", TILES)
def test_nan_stays_and_spreads_no_further_than_its_tiles(convolved, use, m):
    use(m)
    blobs = drawn(1, 16, 16, 24, 24)
    clean = by_definition(blobs["X"], blobs["W"], blobs["b"])
    blobs["X"][0, 3, 12, 12] = np.nan
    Y, _, _ = convolved(blobs, [("Relu", [], {})])
    assert np.isnan(Y[:, :, 11:14, 11:14]).all()
    far = np.ones((24, 24), bool)
    far[12 - m - 1 : 12 + m + 2, 12 - m - 1 : 12 + m + 2] = False
    assert_near(Y, np.maximum(clean, 0), m, np.broadcast_to(far, Y.shape))


@pytest.mark.parametrize("lanes", LANES)
def test_infinite_bias_is_clipped(convolved, use, lanes):
    use(4, lanes)
    blobs = drawn(1, 16, 4, 8, 8)
    blobs["b"][:3] = [np.inf, -np.inf, np.nan]
    Y, _, _ = convolved(blobs, [("Clip", [], CLIP)])
    assert (Y[:, 0] == 0.75).all()
    assert (Y[:, 1] == -0.5).all()
    assert np.isnan(Y[:, 2]).all()
    assert np.isfinite(Y[:, 3]).all()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"constants": ["b"]}, "filters that may change"),
        ({"stride": 2}, "kernel 3x3, stride 1 and dilation 1 only"),
        ({"algo": "FT16"}, "algo FT16 is asked for"),
        ({}, "fewer than 16 channels"),
    ],
)
def test_declines(convolved, change, reason):
    blobs = drawn(1, 3, 5, 7, 4)
    Y, engines, made = convolved(blobs, **change)
    assert "NNPACK" not in engines
    reasons = [
        why for s in made.program().stages for engine, why in s.declined if engine == "NNPACK"
    ]
    assert any(reason in why.split("; ") for why in reasons)
    expected = by_definition(blobs["X"], blobs["W"], blobs["b"])
    stride = change.get("stride", 1)
    np.testing.assert_allclose(Y, expected[:, :, ::stride, ::stride], 1e-4, 1e-5)


def test_caffe2_arguments(convolved):
    blobs = drawn(1, 3, 5, 7, 4)
    strategy = {"convolution_transform_strategy": "PRECOMPUTE"}
    Y, engines, _ = convolved(blobs, algo="WINOGRAD", engine="NNPACK", **strategy)
    assert "NNPACK" in engines
    assert_near(Y, by_definition(blobs["X"], blobs["W"], blobs["b"]), 6)


def test_beside_mkl(both, compiled):
    """NNPACK comes first, takes what it makes faster, and leaves the rest; blobs between the two stay as they are."""
    assert both.engine_order("Conv", "CPU", "") == ["NNPACK", "MKL", ""]
    assert both.engine_order("Conv", "CPU", "MKL") == ["MKL", "NNPACK", ""]
    one, two = drawn(1, 64, 64, 28, 28), drawn(1, 64, 32, 28, 28, seed=1)
    net = c2.Net("both")
    net.Conv(["X", "W", "b"], ["A"], kernel=3, pad=1)
    net.Relu(["A"], ["A"])
    net.Conv(["A", "V", "c"], ["Y"], kernel=1)
    net.proto.external_output.append("Y")
    filters = two["W"][:, :, 1:2, 1:2].copy()
    blobs = {**one, "V": filters, "c": two["b"]}
    made, workspace = compiled(both, net, blobs, ["W", "b", "V", "c"], threads=2)
    made.run()
    assert [s.engine for s in made.program().stages if s.engine != "reorder"] == ["NNPACK", "MKL"]
    A = np.maximum(by_definition(one["X"], one["W"], one["b"]), 0)
    Y = np.einsum("nchw,kc->nkhw", A, filters[:, :, 0, 0]) + two["b"].reshape(1, -1, 1, 1)
    assert_near(workspace["Y"], Y, 6)


def test_cost_model_prefers_winograd_where_it_measured_faster():
    """VGG-16 and ResNet-50, SqueezeNet's expansions; and direct ones for three channels or a single position."""
    for C, K, size in [(64, 64, 224), (128, 128, 112), (256, 256, 56), (512, 512, 28), (512, 512, 14), (64, 64, 56),
                       (128, 128, 28), (256, 256, 14), (16, 64, 55), (64, 256, 13)]:  # fmt: skip
        for N in (1, 8):
            one = Convolution(N, C, K, (size, size), (size, size))
            assert not isinstance(winograd.worthwhile(one), str)
    few = Convolution(1, 3, 64, (224, 224), (224, 224))
    assert winograd.worthwhile(few) == "fewer than 16 channels"
    slower = "Winograd would not be faster than a direct convolution here"
    assert winograd.worthwhile(Convolution(1, 64, 64, (1, 1), (1, 1))) == slower
