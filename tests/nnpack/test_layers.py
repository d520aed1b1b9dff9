"""Pools, FC, sums, joins and normalization beside convolutions: formulas in float64, vectors, threads, NaN, layouts."""

import numpy as np
import pytest

import c2
from c2_nnpack.kernels import vector_lanes

LANES = [n for n in (16, 8, 4) if n <= vector_lanes()]
MODULES = ("pool", "fc", "elementwise", "normalize")
RELATIVE = 3e-6  # of the largest output


@pytest.fixture
def layers(registry, compiled):
    def layers(blobs, ops, threads=1):
        """Y of the operators (type, inputs, output, arguments), and the engines of the stages."""
        net = c2.Net("layers")
        for type_, inputs, output, args in ops:
            outputs = [output, f"{output}_info"] if type_ == "Concat" else [output]
            net.op(type_, inputs, outputs, **args)
        net.proto.external_output.append("Y")
        constants = [n for n in blobs if not n.startswith("X")]
        made, workspace = compiled(registry, net, blobs, constants, threads)
        made.run()
        made.run()  # what the first run left must not matter
        return workspace["Y"], [s.engine for s in made.program().stages]

    return layers


@pytest.fixture(params=LANES)
def lanes(request, monkeypatch):
    for module in MODULES:
        monkeypatch.setattr(f"c2_nnpack.native.{module}.vector_lanes", lambda: request.param)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def windows(X, kernel, stride, pads, fill):
    """(N, C, rows, columns, kernel, kernel) in float64; pads are top, left, bottom, right."""
    top, left, bottom, right = pads
    edges = ((0, 0), (0, 0), (top, bottom), (left, right))
    X = np.pad(X.astype(np.float64), edges, constant_values=fill)
    found = np.lib.stride_tricks.sliding_window_view(X, (kernel, kernel), (2, 3))
    return found[:, :, ::stride, ::stride]


def assert_near(found, expected):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= RELATIVE * np.abs(expected).max()


POOLS = [
    (2, 2, (0,) * 4),
    (3, 2, (1,) * 4),
    (3, 2, (0,) * 4),
    (3, 1, (1,) * 4),
    (5, 3, (2, 0, 1, 2)),
    (1, 1, (0,) * 4),
]


@pytest.mark.parametrize("size", [(5, 5), (7, 37), (14, 14), (9, 23)])
@pytest.mark.parametrize(("kernel", "stride", "pads"), POOLS)
@pytest.mark.parametrize("type_", ["MaxPool", "AveragePool"])
def test_pools(layers, lanes, type_, kernel, stride, pads, size):
    X = drawn(2, 20, *size)
    op = (type_, ["X"], "Y", {"kernel": kernel, "stride": stride, "pads": list(pads)})
    Y, engines = layers({"X": X}, [op])
    if type_ == "MaxPool":
        expected = windows(X, kernel, stride, pads, -np.inf).max((4, 5))
    else:
        inside = windows(np.ones_like(X), kernel, stride, pads, 0).sum((4, 5))
        expected = windows(X, kernel, stride, pads, 0).sum((4, 5)) / inside
    assert "NNPACK" in engines
    assert_near(Y, expected)


@pytest.mark.parametrize("channels", [32, 20])
def test_average_of_whole_images_counting_pads_or_not(layers, lanes, channels):
    X = drawn(3, channels, 5, 7)
    for type_, formula in (("AveragePool", np.mean), ("MaxPool", np.max)):
        Y, engines = layers({"X": X}, [(type_, ["X"], "Y", {"global_pooling": 1})])
        assert engines == ["reorder", "NNPACK"]  # what comes out is plain already
        assert_near(Y, formula(X.astype(np.float64), axis=(2, 3), keepdims=True))
    args = {"kernel": 3, "pad": 1, "count_include_pad": 1}
    Y, _ = layers({"X": X}, [("AveragePool", ["X"], "Y", args)])
    assert_near(Y, windows(X, 3, 1, (1,) * 4, 0).mean((4, 5)))


@pytest.mark.parametrize("at", range(0, 12, 3))
@pytest.mark.parametrize(("kernel", "stride", "pads"), POOLS)
def test_pools_keep_nan_and_infinities(layers, lanes, kernel, stride, pads, at):
    X = drawn(1, 16, 12, 12)
    X[0, 0, at, at], X[0, 1, at, at], X[0, 2, at, at] = np.nan, np.inf, -np.inf
    for type_ in ("MaxPool", "AveragePool"):
        args = {"kernel": kernel, "stride": stride, "pads": list(pads)}
        Y, _ = layers({"X": X}, [(type_, ["X"], "Y", args)])
        hit = windows(np.isnan(X), kernel, stride, pads, 0).any((4, 5))
        np.testing.assert_array_equal(np.isnan(Y), hit)
        hit = windows(np.isposinf(X), kernel, stride, pads, 0).any((4, 5))
        np.testing.assert_array_equal(np.isposinf(Y), hit)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("after", ["", "Relu", "Clip"])
@pytest.mark.parametrize(
    ("M", "K", "N"),
    [(1, 1, 1), (1, 300, 65), (2, 257, 16), (5, 40, 130), (23, 700, 33), (9, 64, 3)],
)
def test_fc(layers, lanes, M, K, N, after, threads):
    X, W, b = drawn(M, K), drawn(N, K, seed=1), drawn(N, seed=2)
    args = {"Clip": {"min": -0.5, "max": 0.75}}.get(after, {})
    ops = [("FC", ["X", "W", "b"], "F", {}), (after, ["F"], "Y", args)]
    if not after:
        ops = [("FC", ["X", "W", "b"], "Y", {})]
    Y, engines = layers({"X": X, "W": W, "b": b}, ops, threads)
    product = X.astype(np.float64) @ W.T.astype(np.float64) + b
    held = {"": product, "Relu": np.maximum(product, 0), "Clip": np.clip(product, -0.5, 0.75)}
    assert engines == ["NNPACK"]
    assert np.abs(Y - held[after]).max() <= RELATIVE * np.abs(product).max()


def test_fc_keeps_nan(layers, lanes):
    X, W, b = drawn(3, 40), drawn(20, 40, seed=1), drawn(20, seed=2)
    X[1, 7] = np.nan
    Y, _ = layers(
        {"X": X, "W": W, "b": b}, [("FC", ["X", "W", "b"], "F", {}), ("Relu", ["F"], "Y", {})]
    )
    assert np.isnan(Y[1]).all()
    assert np.isfinite(Y[[0, 2]]).all()


@pytest.mark.parametrize(
    ("C", "engines"),
    [(32, ["reorder", "NNPACK", "NNPACK"]), (20, ["reorder", "NNPACK", "reorder", "NNPACK"])],
)
def test_fc_reads_whole_blocks_as_they_lie(layers, lanes, C, engines):
    X, W, b = drawn(3, C, 6, 8), drawn(50, C * 12, seed=1), drawn(50, seed=2)
    pool = ("MaxPool", ["X"], "P", {"kernel": 2, "stride": 2})
    Y, found = layers({"X": X, "W": W, "b": b}, [pool, ("FC", ["P", "W", "b"], "Y", {})])
    P = windows(X, 2, 2, (0,) * 4, 0).max((4, 5)).reshape(3, -1)
    assert found == engines
    assert_near(Y, P @ W.T.astype(np.float64) + b)


@pytest.mark.parametrize("N", [1, 3])
@pytest.mark.parametrize(("one", "other"), [(32, 20), (20, 32)])
def test_concat_of_blocks(layers, N, one, other):
    """In place for one image, where only the last input is padded; else plain."""
    X1, X2 = drawn(N, one, 5, 7), drawn(N, other, 5, 7, seed=1)
    pools = [("MaxPool", [f"X{k}"], f"P{k}", {"kernel": 3, "pad": 1}) for k in (1, 2)]
    ops = [*pools, ("Concat", ["P1", "P2"], "C", {"axis": 1}), ("Relu", ["C"], "Y", {})]
    Y, engines = layers({"X1": X1, "X2": X2}, ops)
    P = [windows(X, 3, 1, (1,) * 4, -np.inf).max((4, 5)) for X in (X1, X2)]
    assert engines.count("reorder") == (3 if one == 32 else 4)
    np.testing.assert_array_equal(Y, np.maximum(np.concatenate(P, 1), 0).astype(np.float32))


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("shape", [(7,), (2, 20, 31, 33), (1, 16, 64, 64)])
def test_sums_and_activations(layers, lanes, shape, threads):
    X = [drawn(*shape, seed=k) for k in range(3)]
    X[0].flat[3], X[1].flat[5] = np.nan, np.inf
    blobs = {f"X{k}": x for k, x in enumerate(X)}
    total = np.sum(np.float64(X), axis=0)
    for ops, expected in (
        ([("Sum", [*blobs], "Y", {})], total),
        ([("Sum", [*blobs], "S", {}), ("Relu", ["S"], "Y", {})], np.maximum(total, 0)),
        ([("Add", ["X0", "X1"], "Y", {})], np.float64(X[0]) + X[1]),
        ([("Relu", ["X0"], "Y", {})], np.maximum(X[0], 0)),
        ([("Clip", ["X0"], "Y", {"min": 0.25, "max": 0.5})], np.clip(X[0], 0.25, 0.5)),
    ):
        Y, engines = layers(blobs, ops, threads)
        assert engines == ["NNPACK"]
        np.testing.assert_allclose(Y, expected, 1e-6, 1e-6)


@pytest.mark.parametrize("C", [16, 20])
def test_clip_away_from_zero_leaves_the_blocks_padding(layers, lanes, C):
    """What follows would read it."""
    X, W = drawn(1, C, 6, 6), drawn(C, 1, 3, 3, seed=1)
    W = np.abs(W)
    pool = ("MaxPool", ["X"], "P", {"kernel": 3, "pad": 1})
    ops = [
        pool,
        ("Clip", ["P"], "A", {"min": 1.0, "max": 2.0}),
        ("Conv", ["A", "W"], "Y", {"kernel": 3, "group": C}),
    ]
    Y, _ = layers({"X": X, "W": W}, ops)
    A = np.clip(windows(X, 3, 1, (1,) * 4, -np.inf).max((4, 5)), 1, 2)
    expected = np.einsum(
        "nchwij,cij->nchw", windows(A, 3, 1, (0,) * 4, 0), W[:, 0].astype(np.float64)
    )
    assert_near(Y, expected)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("C", [16, 35])
def test_spatial_bn(layers, lanes, C, threads):
    X = drawn(2, C, 40, 31)
    scale, bias, mean = (drawn(C, seed=k) for k in (1, 2, 3))
    var = np.abs(drawn(C, seed=4)) + 0.1
    X[0, 1, 2, 3] = np.nan
    blobs = {"X": X, "s": scale, "b": bias, "m": mean, "v": var}
    ops = [("SpatialBN", ["X", "s", "b", "m", "v"], "B", {"is_test": 1}), ("Relu", ["B"], "Y", {})]
    Y, engines = layers(blobs, ops, threads)
    by_channel = [v.reshape(1, -1, 1, 1).astype(np.float64) for v in (scale, bias, mean, var)]
    expected = (X - by_channel[2]) / np.sqrt(by_channel[3] + 1e-5) * by_channel[0] + by_channel[1]
    assert "NNPACK" in engines
    np.testing.assert_allclose(Y, np.maximum(expected, 0), 1e-5, 2e-5)


@pytest.mark.parametrize("beta", [0.75, 0.6])
@pytest.mark.parametrize(("C", "size"), [(16, 5), (35, 3), (20, 4), (5, 17)])
def test_lrn(layers, lanes, C, size, beta):
    X = 3 * drawn(2, C, 5, 7)
    args = {"size": size, "alpha": 0.5, "beta": beta, "bias": 1.5}
    Y, engines = layers({"X": X}, [("LRN", ["X"], "Y", args)], threads=2)
    squares = np.zeros((2, C + 2 * size, 5, 7))
    squares[:, size : size + C] = X.astype(np.float64) ** 2
    first = size - (size - 1) // 2
    around = sum(squares[:, first + k : first + k + C] for k in range(size))
    assert "NNPACK" in engines
    assert_near(Y, X / (1.5 + 0.5 / size * around) ** beta)


@pytest.mark.parametrize("columns", [1, 3, 16, 17, 1000])
@pytest.mark.parametrize("scale", [1, 50])
def test_softmax(layers, lanes, columns, scale):
    X = scale * drawn(4, columns)
    Y, engines = layers({"X": X}, [("Softmax", ["X"], "Y", {})], threads=2)
    e = np.exp(X.astype(np.float64) - X.max(1, keepdims=True))
    assert engines == ["NNPACK"]
    np.testing.assert_allclose(Y, e / e.sum(1, keepdims=True), 1e-5, 1e-37)


def test_softmax_of_infinities_and_nan(layers, lanes):
    X = drawn(3, 19)
    X[0, 4], X[1, 18], X[2, 0] = -np.inf, np.nan, np.nan
    Y, _ = layers({"X": X}, [("Softmax", ["X"], "Y", {})])
    assert Y[0, 4] == 0
    assert np.isclose(Y[0].sum(), 1)
    assert np.isnan(Y[1:]).all()


def test_same_bits_for_any_number_of_threads(layers):
    X, W, b = drawn(3, 32, 40, 40), drawn(70, 32 * 400, seed=1), drawn(70, seed=2)
    ops = [
        ("AveragePool", ["X"], "P", {"kernel": 2, "stride": 2}),
        ("FC", ["P", "W", "b"], "F", {}),
        ("Softmax", ["F"], "Y", {}),
    ]
    results = [layers({"X": X, "W": W, "b": b}, ops, threads)[0] for threads in (1, 2, 3, 5)]
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)
