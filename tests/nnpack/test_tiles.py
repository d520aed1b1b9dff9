"""Convolutions by transformed tiles against the definition in float64: sizes, pads, vectors, threads, what is fused."""

import numpy as np
import pytest

import c2
from c2_nnpack.algorithms import fourier, tiled, winograd
from c2_nnpack.algorithms.direct import direct_cycles
from c2_nnpack.algorithms.tiled import Tiling
from c2_nnpack.convolution import Convolution
from c2_nnpack.kernels import vector_lanes
from c2_nnpack.native import convolution as native

LANES = [n for n in (16, 8, 4) if n <= vector_lanes()]
# Height and width of kernels, the tiles, and the bound of their error.
WINOGRAD = {
    f"F({m}x{m}, {r}x{r})": ((r, r), winograd.tiling(m, r), bound)
    for (m, r), bound in winograd.ERRORS.items()
}
FOURIER = {
    f"FT{tile} {kernel}": (kernel, fourier.tiling(tile, kernel), fourier.ERRORS[tile])
    for tile, kernels in {8: [(3, 3), (5, 5), (1, 7)], 16: [(3, 3), (7, 7), (11, 2)]}.items()
    for kernel in kernels
}
WAYS = {**WINOGRAD, **FOURIER}
every_way = pytest.mark.parametrize("way", WAYS)


@pytest.fixture
def tiles_alone(monkeypatch):
    monkeypatch.setattr(native, "ALGORITHMS", (winograd, fourier))


@pytest.fixture
def use(monkeypatch, tiles_alone):
    """use(way, lanes): what kernels that are built from now on compute by, and with which vectors."""

    def use(way, lanes=None):
        _, tiling, _ = WAYS[way]
        monkeypatch.setattr(winograd, "tilings", lambda *_: [tiling])
        monkeypatch.setattr(fourier, "tilings", lambda *_: [tiling])
        monkeypatch.setattr(tiled, "GAIN", np.inf)
        monkeypatch.setattr(tiled, "GROWTH", np.inf)
        monkeypatch.setattr(tiled, "FEW", 1)
        if lanes:
            monkeypatch.setattr(tiled, "vector_lanes", lambda: lanes)

    return use


def drawn(N, C, K, H, W, kernel=(3, 3), seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, C, H, W)).astype(np.float32)
    filters = rng.standard_normal((K, C, *kernel)) * np.sqrt(2 / (kernel[0] * kernel[1] * C))
    return {
        "X": X, "W": filters.astype(np.float32), "b": rng.standard_normal(K).astype(np.float32),
    }  # fmt: skip


def by_definition(X, W, b=None, pads=(1, 1, 1, 1)):
    """Convolution of stride 1 in float64; pads are top, left, bottom, right."""
    top, left, bottom, right = pads
    X = np.pad(X.astype(np.float64), ((0, 0), (0, 0), (top, bottom), (left, right)))
    windows = np.lib.stride_tricks.sliding_window_view(X, W.shape[2:], (2, 3))
    Y = np.einsum("nchwij,kcij->nkhw", windows, W.astype(np.float64), optimize=True)
    return Y if b is None else Y + b.reshape(1, -1, 1, 1)


def assert_near(found, expected, way, where=...):
    largest = np.abs(expected[np.isfinite(expected)]).max()
    assert np.abs(found - expected)[where].max() <= WAYS[way][2] * largest


@pytest.mark.parametrize("lanes", LANES)
@every_way
@pytest.mark.parametrize(
    ("shape", "pads"),
    [
        ((1, 16, 16, 10, 6), (1, 1, 1, 1)),
        ((2, 20, 40, 13, 11), (1, 1, 1, 1)),
        ((3, 3, 5, 17, 14), (0, 0, 0, 0)),
        ((1, 48, 33, 9, 17), (2, 0, 1, 3)),
        ((1, 33, 80, 1, 1), (5, 6, 7, 8)),
        ((8, 16, 16, 12, 9), (1, 1, 1, 1)),
    ],
)
def test_sizes(convolved, use, shape, pads, way, lanes):
    use(way, lanes)
    blobs = drawn(*shape, WAYS[way][0])
    Y, engines, _ = convolved(blobs, pads=list(pads))
    assert "NNPACK" in engines
    assert_near(Y, by_definition(blobs["X"], blobs["W"], blobs["b"], pads), way)


@every_way
@pytest.mark.parametrize("mean", [0.0, 3.0])
@pytest.mark.parametrize("positive", [False, True])
def test_error_bound(convolved, use, way, mean, positive):
    use(way)
    blobs = drawn(1, 512, 32, 12, 12, WAYS[way][0])
    blobs["X"] += np.float32(mean)
    if positive:
        blobs["W"] = np.abs(blobs["W"])
    Y, _, _ = convolved(blobs)
    assert_near(Y, by_definition(blobs["X"], blobs["W"], blobs["b"]), way)


@pytest.mark.parametrize("lanes", LANES)
@every_way
@pytest.mark.parametrize("size", [(40, 31), (10, 9)], ids=["share tiles", "share outputs"])
def test_same_bits_for_any_number_of_threads(convolved, use, size, way, lanes):
    use(way, lanes)
    blobs = drawn(2, 32, 72, *size, WAYS[way][0])
    results = [convolved(blobs, threads=n)[0] for n in (1, 2, 3, 5)]
    assert_near(results[0], by_definition(blobs["X"], blobs["W"], blobs["b"]), way)
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


CLIP = {"min": -0.5, "max": 0.75}


@pytest.mark.parametrize("way", ["F(4x4, 3x3)", "FT8 (3, 3)"])
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
def test_what_follows(convolved, use, after, formula, K, way):
    use(way)
    blobs = drawn(1, 16, K, 9, 10)
    S = np.random.default_rng(1).standard_normal((1, K, 9, 10)).astype(np.float32)
    Y, engines, _ = convolved({**blobs, "S": S}, after)
    assert "NNPACK" in engines
    expected = formula(by_definition(blobs["X"], blobs["W"], blobs["b"]), S)
    assert np.abs(Y - expected).max() <= WAYS[way][2] * 5


def test_without_bias_and_with_a_fed_one(convolved, use):
    use("F(4x4, 3x3)")
    blobs = drawn(1, 16, 16, 8, 8)
    expected = by_definition(blobs["X"], blobs["W"])
    bias = blobs.pop("b")
    assert_near(convolved(blobs)[0], expected, "F(4x4, 3x3)")
    Y, engines, _ = convolved({**blobs, "b": bias}, constants=["W"])
    assert "NNPACK" in engines
    assert_near(Y, expected + bias.reshape(1, -1, 1, 1), "F(4x4, 3x3)")


def test_chain_stays_in_blocks(registry, use, compiled):
    """Between two convolutions nothing is reordered, and a residual sum is added in place."""
    use("F(4x4, 3x3)")
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
    assert_near(workspace["Y"], Y, "F(6x6, 3x3)")


@every_way
def test_nan_stays_and_spreads_no_further_than_its_tiles(convolved, use, way):
    use(way)
    (height, width), tiling, _ = WAYS[way]
    blobs = drawn(1, 16, 16, 40, 40, (height, width))
    clean = by_definition(blobs["X"], blobs["W"], blobs["b"])
    blobs["X"][0, 3, 20, 20] = np.nan
    Y, _, _ = convolved(blobs, [("Relu", [], {})])
    assert np.isnan(Y[:, :, 22 - height : 22, 22 - width : 22]).all()
    far = np.ones(Y.shape, bool)
    near = tiling.tile
    far[:, :, 21 - near : 21 + near, 21 - near : 21 + near] = False
    assert_near(Y, np.maximum(clean, 0), way, far)


@pytest.mark.parametrize("lanes", LANES)
def test_infinite_bias_is_clipped(convolved, use, lanes):
    use("F(4x4, 3x3)", lanes)
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
        ({"constants": ["b"]}, "fewer than 16 channels"),
        ({"stride": 2}, "kernel 3x3 or 5x5, stride 1 and dilation 1 only"),
        ({"algo": "unheard of"}, "algo unheard of is asked for"),
        ({}, "fewer than 16 channels"),
    ],
)
def test_declines(convolved, tiles_alone, change, reason):
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
    assert_near(Y, by_definition(blobs["X"], blobs["W"], blobs["b"]), "F(6x6, 3x3)")


def test_beside_mkl(both, compiled):
    """NNPACK comes first, takes what it makes faster, and leaves the rest; blobs between the two stay as they are."""
    assert both.engine_order("Conv", "CPU", "") == ["NNPACK", "MKL", ""]
    assert both.engine_order("Conv", "CPU", "MKL") == ["MKL", "NNPACK", ""]
    one, two = drawn(1, 64, 64, 28, 28), drawn(1, 16, 32, 28, 28, (1, 1), seed=1)
    net = c2.Net("both")
    net.Conv(["X", "W", "b"], ["A"], kernel=3, pad=1)
    net.Relu(["A"], ["A"])
    net.Conv(["A", "V", "c"], ["Y"], kernel=1, group=4)  # of 8 outputs: less than a block
    net.proto.external_output.append("Y")
    blobs = {**one, "V": two["W"], "c": two["b"]}
    made, workspace = compiled(both, net, blobs, ["W", "b", "V", "c"], threads=2)
    made.run()
    assert [s.engine for s in made.program().stages if s.engine != "reorder"] == ["NNPACK", "MKL"]
    A = np.maximum(by_definition(one["X"], one["W"], one["b"]), 0)
    pairs = zip(np.split(A, 4, 1), np.split(two["W"], 4))
    Y = np.concatenate([by_definition(a, w, pads=(0, 0, 0, 0)) for a, w in pairs], 1)
    assert_near(workspace["Y"], Y + two["b"].reshape(1, -1, 1, 1), "F(6x6, 3x3)")


def test_estimate_prefers_tiles_where_they_measured_faster():
    """VGG-16 and ResNet-50, SqueezeNet's expansions, AlexNet's 5x5; and direct ones for a single position."""

    def gains(one, tilings):
        return min(t.cycles(one) for t in tilings) <= tiled.GAIN * direct_cycles(one)

    for C, K, size in [(64, 64, 224), (128, 128, 112), (256, 256, 56), (512, 512, 28), (512, 512, 14), (64, 64, 56),
                       (128, 128, 28), (256, 256, 14), (16, 64, 55), (64, 256, 13)]:  # fmt: skip
        for N in (1, 8):
            one = Convolution(N, C, K, (size, size), (size, size))
            assert gains(one, winograd.tilings((3, 3)))
    for C, K, size, kernel in [(96, 256, 27, 5), (128, 128, 46, 7), (128, 128, 46, 9)]:
        one = Convolution(1, C, K, (size, size), (size, size), (kernel, kernel))
        assert gains(one, fourier.tilings((kernel, kernel), fourier.ALGOS))
    alone = Convolution(1, 64, 64, (1, 1), (1, 1))
    assert not gains(alone, winograd.tilings((3, 3)))


def test_points_are_those_that_the_c_part_transforms_to():
    from c2_nnpack.kernels import kernels

    ffi, lib = kernels()
    for _, one, _ in WAYS.values():
        assert isinstance(one, Tiling)
        context = ffi.new("c2_tiled *", {"tile": one.tile, "fourier": one.fourier})
        assert lib.c2_tiled_points(context) == one.points


@pytest.mark.parametrize(("algo", "kernel"), [("FT8", 5), ("FT16", 7), ("FT16", 16)])
def test_fourier_is_asked_for(convolved, algo, kernel):
    blobs = drawn(1, 3, 5, 20, 19, (kernel, kernel))
    Y, engines, _ = convolved(blobs, algo=algo)
    assert "NNPACK" in engines
    tile = fourier.TILES[algo]
    expected = by_definition(blobs["X"], blobs["W"], blobs["b"])
    assert np.abs(Y - expected).max() <= fourier.ERRORS[tile] * np.abs(expected).max()


def test_fourier_declines_kernels_larger_than_its_tile(convolved):
    _, _, made = convolved(drawn(1, 3, 5, 20, 19, (9, 9)), algo="FT8")
    reasons = dict(made.program().stages[0].declined)["NNPACK"]
    assert reasons == "kernels up to 8x8 only"
