"""Filters kept as float16: what is rounded, how much, by which vectors, and as a precision that a net asks for."""

import numpy as np
import pytest

import c2
from c2.compile.net import CompiledNet
from c2.graph.check import check_net
from c2_nnpack.algorithms import tiled
from c2_nnpack.kernels import vector_lanes
from c2_nnpack.weights import in_halves

LANES = [n for n in (16, 8, 4) if n <= vector_lanes()]
# Relative to the largest output: float16 has 11 bits, so a weight is wrong by up to 5e-4 of its size.
ERRORS = {"WINOGRAD": 1e-2, "FT8": 2e-3, "FT16": 2e-3}


@pytest.fixture
def convolved(registry):
    def convolved(X, W, precision, **args):
        net = c2.Net("one")
        net.proto.type = "compiled"
        net.Conv(["X", "W"], ["Y"], kernels=list(W.shape[2:]), pad=1, **args)
        net.proto.external_output.append("Y")
        workspace = c2.Workspace(registry=registry)
        workspace.feed("X", X)
        workspace.feed("W", W)
        checked = check_net(net.proto, registry)
        made = CompiledNet(checked, workspace, registry, constants=["W"], precision=precision)
        made.run()
        return workspace["Y"], [s.engine for s in made.program().stages]

    return convolved


def by_definition(X, W):
    X = np.pad(X.astype(np.float64), ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(X, W.shape[2:], (2, 3))
    return np.einsum("nchwij,kcij->nkhw", windows, W.astype(np.float64), optimize=True)


def drawn(C, K, size=20, kernel=3):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2, C, size, size)).astype(np.float32)
    return X, (rng.standard_normal((K, C, kernel, kernel)) / np.sqrt(9 * C)).astype(np.float32)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("algo", ERRORS)
@pytest.mark.parametrize(("C", "K"), [(16, 16), (20, 72), (64, 33)])
def test_error(convolved, monkeypatch, algo, C, K, lanes):
    monkeypatch.setattr(tiled, "vector_lanes", lambda: lanes)
    X, W = drawn(C, K)
    Y, engines = convolved(X, W, "fp16", algo=algo)
    assert "NNPACK fp16" in engines
    expected = by_definition(X, W)
    wrong = np.abs(Y - expected).max() / np.abs(expected).max()
    assert 1e-5 < wrong <= ERRORS[algo]  # float32 has less


@pytest.mark.parametrize("lanes", LANES)
def test_outputs_of_any_size(convolved, monkeypatch, lanes):
    """Filters far outside of float16's range: every output channel has scales of its own."""
    monkeypatch.setattr(tiled, "vector_lanes", lambda: lanes)
    X, W = drawn(16, 40)
    sizes = (10.0 ** np.linspace(-30, 30, 40)).astype(np.float32)
    Y, _ = convolved(X, W * sizes.reshape(-1, 1, 1, 1), "fp16", algo="FT8")
    expected = by_definition(X, W)
    wrong = np.abs(Y / sizes.reshape(1, -1, 1, 1) - expected).max() / np.abs(expected).max()
    assert wrong <= ERRORS["FT8"]


def test_full_precision_is_untouched(convolved):
    X, W = drawn(16, 16)
    Y, engines = convolved(X, W, "fp32", algo="FT8")
    assert "NNPACK" in engines
    expected = by_definition(X, W)
    assert np.abs(Y - expected).max() <= 3e-6 * np.abs(expected).max()


def test_nan_and_infinite_filters_make_nan_of_their_output_channel_alone(convolved):
    X, W = drawn(16, 40)
    W[3, 5, 1, 1], W[36, 0, 0, 0] = np.nan, np.inf
    Y, _ = convolved(X, W, "fp16", algo="FT8")
    assert np.isnan(Y[:, [3, 36]]).all()
    assert np.isfinite(np.delete(Y, [3, 36], axis=1)).all()


def test_what_is_declined_runs_in_full_precision(convolved):
    X, W = drawn(3, 5)
    Y, engines = convolved(X, W, "fp16")  # few channels
    assert "NNPACK fp16" not in engines
    expected = by_definition(X, W)
    np.testing.assert_allclose(Y, expected, 1e-4, 1e-5)


@pytest.mark.parametrize(("outputs", "panel"), [(32, 32), (48, 32), (16, 32), (48, 8)])
def test_order_of_halves_is_that_of_floats(outputs, panel):
    points, inputs = 3, 16
    rng = np.random.default_rng(0)
    made = rng.standard_normal(points * inputs * outputs).astype(np.float32)
    halves, scales = in_halves(made, points, outputs, panel)
    assert halves.dtype == np.float16
    back = np.empty_like(made)
    at = 0
    for point in range(points):
        for first in range(0, outputs, panel):
            width = min(panel, outputs - first)
            for _ in range(inputs):
                back[at : at + width] = (
                    halves[at : at + width].astype(np.float32)
                    * scales[point, first : first + width]
                )
                at += width
    np.testing.assert_allclose(back, made, rtol=2.0**-11)
    assert (np.frexp(scales)[0] == 0.5).all()
