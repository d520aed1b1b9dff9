"""Direct convolutions against the definition in float64: windows, channels, groups, vectors, threads, what is fused."""

import numpy as np
import pytest

import c2
from c2_nnpack import chunks
from c2_nnpack.algorithms import direct
from c2_nnpack.kernels import vector_lanes
from c2_nnpack.native import convolution as native

LANES = [n for n in (16, 8, 4) if n <= vector_lanes()]
NONE = (0, 0, 0, 0)
ONE = (1, 1, 1, 1)


@pytest.fixture
def use(monkeypatch):
    """use(lanes, near): only direct kernels are built from now on; with these vectors, for chunks of so many bytes."""
    monkeypatch.setattr(native, "ALGORITHMS", (direct,))

    def use(lanes=None, near=None):
        if lanes:
            monkeypatch.setattr(direct, "vector_lanes", lambda: lanes)
        if near:
            monkeypatch.setattr(chunks, "NEAR", near)

    return use


def drawn(N, C, K, size, kernel, group=1, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, C, *size)).astype(np.float32)
    W = rng.standard_normal((K, C // group, *kernel)) / np.sqrt(C // group * kernel[0] * kernel[1])
    b = rng.standard_normal(K).astype(np.float32)
    return {"X": X, "W": W.astype(np.float32), "b": b}


def by_definition(X, W, b, strides=(1, 1), pads=NONE, dilations=(1, 1), group=1):
    """A matrix product of all windows with the filters, group by group, in float64."""
    top, left, bottom, right = pads
    X = np.pad(X.astype(np.float64), ((0, 0), (0, 0), (top, bottom), (left, right)))
    spans = [(k - 1) * d + 1 for k, d in zip(W.shape[2:], dilations)]
    windows = np.lib.stride_tricks.sliding_window_view(X, spans, (2, 3))
    windows = windows[:, :, :: strides[0], :: strides[1], :: dilations[0], :: dilations[1]]
    pairs = zip(np.split(windows, group, 1), np.split(W.astype(np.float64), group))
    Y = [np.einsum("nchwij,kcij->nkhw", x, w, optimize=True) for x, w in pairs]
    return np.concatenate(Y, 1) + b.reshape(1, -1, 1, 1)


def assert_near(found, expected):
    """What sums of float32 come to, with up to 512 terms."""
    assert np.abs(found - expected).max() <= 2e-6 * np.abs(expected).max()


# Images, channels, outputs, size, kernel; and the window.
WINDOWS = {
    "1x1": ((1, 32, 48, (9, 7), (1, 1)), {}),
    "1x1, odd channels": ((2, 20, 5, (5, 6), (1, 1)), {}),
    "1x1, long axis": ((1, 16, 33, (40, 41), (1, 1)), {}),
    "1x1, batch of small planes": ((5, 48, 32, (7, 7), (1, 1)), {}),
    "1x1, stride 2": ((2, 33, 32, (9, 8), (1, 1)), {"strides": (2, 2)}),
    "1x1, strides 1 and 3": ((1, 16, 16, (6, 10), (1, 1)), {"strides": (1, 3)}),
    "1x1, pads": ((1, 16, 16, (4, 5), (1, 1)), {"pads": (1, 0, 2, 1)}),
    "3x3": ((2, 32, 40, (15, 17), (3, 3)), {"pads": ONE}),
    "3x3, no pads": ((2, 16, 32, (15, 17), (3, 3)), {}),
    "3x3, some of the image": ((1, 16, 32, (9, 8), (3, 3)), {"strides": (4, 4)}),
    "3x3, stride 2": ((2, 16, 16, (14, 13), (3, 3)), {"strides": (2, 2), "pads": ONE}),
    "3x3, stride 2, no pads": ((1, 17, 16, (9, 9), (3, 3)), {"strides": (2, 2)}),
    "3x3, dilated": ((1, 32, 16, (12, 11), (3, 3)), {"dilations": (2, 3), "pads": (2, 3, 2, 3)}),
    "3x3, dilated, strided": (
        (1, 20, 16, (13, 19), (3, 3)), {"dilations": (2, 2), "strides": (2, 3), "pads": (2, 2, 2, 2)},
    ),
    "pads beyond the kernel": ((1, 16, 16, (3, 2), (3, 3)), {"pads": (5, 4, 6, 7)}),
    "one position": ((1, 64, 48, (1, 1), (3, 3)), {"pads": ONE}),
    "pads of different sizes": ((1, 16, 16, (8, 9), (2, 4)), {"pads": (1, 3, 0, 2)}),
    "5x5 of stride 3": ((1, 48, 20, (16, 17), (5, 5)), {"strides": (3, 3), "pads": (2, 2, 2, 2)}),
    "1x7": ((1, 32, 32, (8, 17), (1, 7)), {"pads": (0, 3, 0, 3)}),
    "7x1, stride 2": ((1, 32, 32, (17, 8), (7, 1)), {"strides": (2, 1), "pads": (3, 0, 3, 0)}),
    "three channels, 7x7 of stride 2": ((2, 3, 64, (33, 30), (7, 7)), {"strides": (2, 2), "pads": (3, 3, 3, 3)}),
    "three channels, 3x3": ((1, 3, 24, (30, 31), (3, 3)), {"pads": ONE}),
    "three channels, 3x3 of stride 3": ((1, 3, 24, (30, 31), (3, 3)), {"strides": (3, 3), "pads": ONE}),
    "one channel, 5x5": ((3, 1, 20, (28, 28), (5, 5)), {}),
    "three channels, 1x1": ((2, 3, 16, (9, 9), (1, 1)), {}),
    "many channels": ((1, 300, 16, (5, 5), (3, 3)), {"pads": ONE}),
    "groups": ((2, 64, 96, (9, 8), (3, 3)), {"group": 2, "pads": ONE}),
    "groups of 16": ((1, 48, 48, (9, 8), (3, 3)), {"group": 3, "strides": (2, 2), "pads": ONE}),
    "groups, 1x1": ((1, 64, 32, (9, 8), (1, 1)), {"group": 2}),
}  # fmt: skip
every_window = pytest.mark.parametrize("window", WINDOWS)


@pytest.mark.parametrize("lanes", LANES)
@every_window
def test_windows(convolved, use, window, lanes):
    use(lanes)
    sizes, args = WINDOWS[window]
    blobs = drawn(*sizes, args.get("group", 1))
    Y, engines, _ = convolved(blobs, **{"pads": NONE, **args})
    assert "NNPACK" in engines
    assert_near(Y, by_definition(**blobs, **args))


@every_window
def test_same_bits_for_small_chunks_and_any_number_of_threads(convolved, use, window):
    use()
    sizes, args = WINDOWS[window]
    blobs, args = drawn(*sizes, args.get("group", 1)), {"pads": NONE, **args}
    expected, _, _ = convolved(blobs, **args)
    for near in (chunks.NEAR, 1):
        use(near=near)
        for threads in (1, 2, 3, 5):
            np.testing.assert_array_equal(convolved(blobs, threads=threads, **args)[0], expected)


def test_few_channels_are_read_as_they_are(convolved, use):
    use()
    _, engines, _ = convolved(drawn(1, 3, 16, (8, 8), (3, 3)), pads=ONE)
    assert engines == ["NNPACK", "reorder"]


CLIP = {"min": -0.5, "max": 0.75}


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("C", [3, 160])
@pytest.mark.parametrize(
    ("after", "formula"),
    [
        ([("Relu", [], {})], lambda Y, _: np.maximum(Y, 0)),
        ([("Clip", [], CLIP)], lambda Y, _: np.clip(Y, -0.5, 0.75)),
        ([("Clip", [], {"max": 0.25})], lambda Y, _: np.minimum(Y, 0.25)),
        ([("Sum", ["S"], {})], lambda Y, S: Y + S),
        ([("Sum", ["S"], {}), ("Relu", [], {})], lambda Y, S: np.maximum(Y + S, 0)),
        ([("Sigmoid", [], {})], lambda Y, _: 1 / (1 + np.exp(-Y))),
    ],
    ids=["Relu", "Clip", "Clip above", "Sum", "Sum, Relu", "Sigmoid"],
)
def test_what_follows(convolved, use, after, formula, C, lanes):
    use(lanes)
    blobs = drawn(1, C, 20, (9, 10), (3, 3))
    S = np.random.default_rng(1).standard_normal((1, 20, 9, 10)).astype(np.float32)
    Y, engines, _ = convolved({**blobs, "S": S}, after, pads=ONE)
    assert "NNPACK" in engines
    assert np.abs(Y - formula(by_definition(**blobs, pads=ONE), S)).max() <= 1e-5


def test_without_bias_and_with_a_fed_one(convolved, use):
    use()
    blobs = drawn(1, 16, 16, (8, 8), (1, 1))
    bias = blobs.pop("b")
    assert_near(convolved(blobs, pads=NONE)[0], by_definition(**blobs, b=0 * bias))
    Y, engines, _ = convolved({**blobs, "b": bias}, constants=["W"], pads=NONE)
    assert "NNPACK" in engines
    assert_near(Y, by_definition(**blobs, b=bias))


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_reach_their_windows_and_no_further(convolved, use, value, lanes):
    use(lanes)
    blobs = drawn(1, 32, 32, (12, 12), (3, 3), group=2)
    clean = np.maximum(by_definition(**blobs, pads=ONE, group=2), 0)
    blobs["X"][0, 3, 6, 5] = value
    with np.errstate(invalid="ignore"):
        expected = np.maximum(by_definition(**blobs, pads=ONE, group=2), 0)
    Y, _, _ = convolved(blobs, [("Relu", [], {})], pads=ONE, group=2)
    touched = np.zeros(Y.shape, bool)
    touched[:, :16, 5:8, 4:7] = True
    np.testing.assert_array_equal(Y[touched], expected[touched].astype(np.float32))
    assert_near(Y[~touched], clean[~touched])


@pytest.mark.parametrize("lanes", LANES)
def test_infinite_bias_is_clipped(convolved, use, lanes):
    use(lanes)
    blobs = drawn(1, 16, 4, (8, 8), (3, 3))
    blobs["b"][:3] = [np.inf, -np.inf, np.nan]
    Y, _, _ = convolved(blobs, [("Clip", [], CLIP)], pads=ONE)
    assert (Y[:, 0] == 0.75).all()
    assert (Y[:, 1] == -0.5).all()
    assert np.isnan(Y[:, 2]).all()
    assert np.isfinite(Y[:, 3]).all()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"constants": ["b"]}, "Winograd would not be faster than a direct convolution here"),
        ({"algo": "1x1"}, "algo 1x1 is asked for, and the kernel is another"),
        ({"group": 4}, "groups of channels that are no multiples of 16"),
    ],
)
def test_declines(convolved, use, change, reason):
    use()
    blobs = drawn(1, 32, 32, (7, 5), (3, 3), change.get("group", 1))
    Y, engines, made = convolved(blobs, pads=ONE, **change)
    assert "NNPACK" not in engines
    assert ("NNPACK", reason) in [d for s in made.program().stages for d in s.declined]
    assert_near(Y, by_definition(**blobs, pads=ONE, group=change.get("group", 1)))


@pytest.mark.parametrize(("algo", "kernel"), [("DIRECT", 3), ("DIRECT", 1), ("1x1", 1)])
def test_algo_by_name(convolved, algo, kernel):
    blobs = drawn(1, 32, 32, (16, 16), (kernel, kernel))
    Y, _, made = convolved(blobs, pads=NONE, algo=algo)
    labels = [s.native.label for s in made.program().stages if s.engine == "NNPACK"]
    assert labels == ["DIRECT" if kernel == 3 else "1x1"]
    assert_near(Y, by_definition(**blobs))


def test_bottleneck_stays_in_blocks(registry, use, compiled):
    """From the image on, nothing is reordered before the end, and a residual sum is added in place."""
    use()
    first, one, two = (
        drawn(1, 3, 32, (24, 24), (3, 3)), drawn(1, 32, 16, (12, 12), (1, 1), seed=1),
        drawn(1, 16, 32, (12, 12), (3, 3), seed=2),
    )  # fmt: skip
    net = c2.Net("chain")
    net.Conv(["X", "W", "b"], ["A"], kernel=3, pad=1, stride=2)
    net.Conv(["A", "V", "c"], ["B"], kernel=1)
    net.Relu(["B"], ["B"])
    net.Conv(["B", "U", "d"], ["C"], kernel=3, pad=1)
    net.Sum(["C", "A"], ["Y"])
    net.proto.external_output.append("Y")
    blobs = {**first, "V": one["W"], "c": one["b"], "U": two["W"], "d": two["b"]}
    made, workspace = compiled(registry, net, blobs, [*"WbVcUd"], threads=2)
    made.run()
    assert [s.engine for s in made.program().stages] == ["NNPACK"] * 3 + ["reorder"]
    A = by_definition(**first, strides=(2, 2), pads=ONE)
    B = np.maximum(by_definition(A, one["W"], one["b"]), 0)
    assert_near(workspace["Y"], by_definition(B, two["W"], two["b"], pads=ONE) + A)


@pytest.mark.parametrize("lanes", LANES)
def test_windows_of_padded_images_are_left_to_mkl_with_avx512(both, compiled, use, lanes):
    """oneDNN measured faster there; and there alone."""
    use(lanes)
    better = "MKL" if lanes == 16 else "NNPACK"
    for blobs, pads, engine in [
        (drawn(1, 3, 16, (8, 8), (3, 3)), ONE, better),
        (drawn(1, 3, 16, (8, 8), (3, 3)), NONE, "NNPACK"),
        (drawn(1, 16, 16, (8, 8), (3, 3)), ONE, better),
    ]:
        net = c2.Net("one")
        net.Conv(["X", "W", "b"], ["Y"], kernel=3, pads=pads)
        net.proto.external_output.append("Y")
        made, workspace = compiled(both, net, blobs, ["W", "b"])
        made.run()
        engines = [s.engine for s in made.program().stages if s.engine != "reorder"]
        assert engines == [engine]
        assert_near(workspace["Y"], by_definition(**blobs, pads=pads))
