"""What an algorithm keeps to for AUTO to choose it: its error with the filters, its memory, where a NaN reaches."""

import numpy as np
import pytest

import c2
from c2.compile.layout import PLAIN
from c2.compile.native import NativeRequest
from c2.compile.precision import FULL
from c2.errors import PluginError
from c2.graph.check import check_net
from c2.registry import TensorSpec
from c2_nnpack.accuracy import error_on, sample_images
from c2_nnpack.algorithms import Way, fourier, tiled, winograd
from c2_nnpack.layout import C16
from c2_nnpack.limits import BOUNDS, ERROR, MEMORY, NONFINITE, Limits
from c2_nnpack.native import convolution
from c2_nnpack.native.convolution import build_convolution, build_convolution_of_halves

FLOAT = np.dtype(np.float32)


@pytest.fixture(autouse=True)
def tiles_only(monkeypatch):
    """Nothing exact to fall back to, and no bound of memory but the one that is asked for."""
    monkeypatch.setattr(convolution, "ALGORITHMS", (winograd, fourier))
    monkeypatch.setattr(tiled, "GROWTH", np.inf)


def filters(K=64, C=64, kernel=3, seed=0):
    rng = np.random.default_rng(seed)
    W = rng.standard_normal((K, C, kernel, kernel)) * np.sqrt(2 / (kernel * kernel * C))
    return W.astype(np.float32)


def request(W, size=56, precision=FULL, every=True, N=1, **args):
    """Of a convolution without pads and bias."""
    net = c2.Net("one")
    net.Conv(["X", "W"], ["Y"], kernels=list(W.shape[2:]), **args)
    (K, C, kernel, _), (op,) = W.shape, check_net(net.proto).ops
    shapes = ((N, C, size, size), W.shape), (N, K, size - kernel + 1, size - kernel + 1)
    return NativeRequest(
        "Conv", op.args, tuple(TensorSpec(s, FLOAT) for s in shapes[0]), (TensorSpec(shapes[1], FLOAT),), (),
        {1: W}, 1, (C16, PLAIN), precision, every=every,
    )  # fmt: skip


def labels(made):
    assert not isinstance(made, str), made
    return [kernel.label.removeprefix("WINOGRAD ") for kernel in made]


def test_ordinary_filters_are_served_by_all():
    assert {"F(2x2, 3x3)", "F(4x4, 3x3)", "F(6x6, 3x3)", "FT8", "FT16"} <= {
        *labels(build_convolution(request(filters())))
    }


def test_filters_must_not_grow_too_much(monkeypatch):
    """FT8 and FT16 take 10 and 42 times the memory of plain ones of 3x3, F(6x6) 7 times; FT16 8 times of 7x7."""
    monkeypatch.setattr(tiled, "GROWTH", 8)
    small = labels(build_convolution(request(filters(), N=16)))
    assert set(small) == {"F(2x2, 3x3)", "F(4x4, 3x3)", "F(6x6, 3x3)"}
    assert "FT16" in labels(build_convolution(request(filters(kernel=7))))


def huge(W):
    return W * np.float32(3e36)


def one_huge(W):
    W = W.copy()
    W[7, 5, 1, 2] = 3e37
    return W


def nan(W):
    W = W.copy()
    W[7, 5, 1, 2] = np.nan
    return W


@pytest.mark.parametrize("spoiled", [huge, one_huge])
def test_filters_whose_transforms_overflow_refuse_the_larger_tiles(spoiled):
    """Sums of F(6x6) pass the range of float32 where the convolution itself does not."""
    W = spoiled(filters())
    assert "F(6x6, 3x3)" not in labels(build_convolution(request(W)))
    assert "F(2x2, 3x3)" in labels(build_convolution(request(W)))
    chosen = build_convolution(request(W, every=False))
    assert chosen.label != "WINOGRAD F(6x6, 3x3)"
    asked = build_convolution(request(W, algo="WINOGRAD"))
    assert "F(6x6, 3x3)" in labels(asked)


def test_nan_in_filters_refuses_all_tiles():
    made = build_convolution(request(nan(filters())))
    assert made.count("its error of nan with these filters passes 2.0e-04 (C2_NNPACK_ERROR)") == 5


def shifted(W):
    return W + np.float32(100)


def of_wide_range(W):
    rng = np.random.default_rng(1)
    return (W * 10.0 ** rng.uniform(-6, 6, W.shape)).astype(np.float32)


@pytest.mark.parametrize("spoiled", [shifted, of_wide_range])
def test_bound_tells_the_tiles_apart(monkeypatch, spoiled):
    monkeypatch.setenv(ERROR, "3e-6")
    found = labels(build_convolution(request(spoiled(filters()))))
    assert "F(6x6, 3x3)" not in found
    assert "F(4x4, 3x3)" not in found
    assert "FT16" in found


def test_no_tile_keeps_a_bound_of_zero(monkeypatch):
    monkeypatch.setenv(ERROR, "0")
    made = build_convolution(request(filters(kernel=5)))
    assert "WINOGRAD F(4x4, 5x5): its error of " in made
    assert made.count("with these filters passes 0.0e+00 (C2_NNPACK_ERROR)") == 4


def test_error_is_that_of_the_definition_in_float32():
    """With a kernel whose outputs are known: all of them twice what they should be."""
    W = filters(K=16, C=16)
    (kernel,) = build_convolution(request(2 * W, 8, N=3, algo="FT8"))
    assert error_on(sample_images(16, 8), kernel, W) == pytest.approx(1, abs=1e-4)
    assert error_on(sample_images(16, 8), kernel, 2 * W) < 1e-5


def test_a_single_wrong_channel_is_seen():
    W = filters(K=32, C=16)
    (kernel,) = build_convolution(request(W, 8, N=3, algo="FT8"))
    other = W.copy()
    other[19] *= 1.01
    assert error_on(sample_images(16, 8), kernel, other) == pytest.approx(0.01 / 1.01, rel=1e-2)


def test_memory_budget(monkeypatch):
    """FT16 of 64 x 64 filters: 382 points of 16 kB are 6.3 MB."""
    monkeypatch.setenv(MEMORY, "2e6")
    assert "FT16" not in labels(build_convolution(request(filters())))
    monkeypatch.setenv(MEMORY, "0")
    made = build_convolution(request(filters(kernel=5)))
    assert "of filters and scratch pass the budget of 0 MB (C2_NNPACK_MEMORY)" in made


def test_memory_of_a_way_is_that_of_its_kernel():
    from c2_nnpack.convolution import convolution_of

    for precision, weight in ((FULL, 4), ("fp16", 2)):
        one = request(filters(K=40), precision=precision)
        (way,) = [w for w in fourier.ways(one, convolution_of(one), False) if w.label == "FT8"]
        kernel = way.build()
        assert way.memory == kernel.scratch + 94 * 48 * 64 * weight


def test_contained_nan(monkeypatch):
    monkeypatch.setenv(NONFINITE, "contain")
    made = build_convolution(request(filters(kernel=5)))
    assert "FT16: it spreads NaN and infinities (C2_NNPACK_NONFINITE=contain)" in made


def test_exact_algorithms_keep_every_limit():
    exact = Way("DIRECT", 1.0, lambda: pytest.fail("it need not be built"))
    strict = Limits(error=0.0, memory=0, spread=False)
    assert strict.refusal(exact) is None
    assert strict.imprecise(exact) is None


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        (ERROR, "small", "C2_NNPACK_ERROR must be a number from 0 on, got 'small'"),
        (MEMORY, "-1", "C2_NNPACK_MEMORY must be a number from 0 on, got '-1'"),
        (NONFINITE, "no", "C2_NNPACK_NONFINITE must be one of spread, contain, got 'no'"),
    ],
)
def test_settings_that_are_not_understood(monkeypatch, variable, value, told):
    monkeypatch.setenv(variable, value)
    with pytest.raises(PluginError, match=told.split("(")[0]):
        Limits.from_environment()


def test_bounds_by_precision():
    assert Limits.from_environment().error == BOUNDS[FULL]
    assert Limits.from_environment("fp16").error == BOUNDS["fp16"]


def test_halves_have_their_own_bound():
    found = labels(build_convolution_of_halves(request(filters(), precision="fp16")))
    assert "F(4x4, 3x3)" in found
