"""Random fillers of c2-mkl: distributions, seeds, threads."""

from math import erf, sqrt

import numpy as np
import pytest

import c2

FILLERS = {
    "UniformFill": {"min": -2.0, "max": 3.0}, "GaussianFill": {"mean": 1.0, "std": 0.5},
    "XavierFill": {}, "MSRAFill": {},
}  # fmt: skip


def filled(registry, type_, shape, seed=None, runs=1, **args):
    net = c2.Net("fill")
    option = (
        {"device_option": c2.device_option("CPU", random_seed=seed)} if seed is not None else {}
    )
    net.op(type_, [], "y", shape=shape, **args, **option)
    workspace = c2.Workspace(registry=registry)
    made = workspace.create(net)
    for _ in range(runs):
        made.run()
    assert made.binders[0].choice.kernel.label == "MKL"
    return workspace["y"].copy()


def uniform(low, high):
    return lambda x: np.clip((x - low) / (high - low), 0, 1)


def normal(mean, std):
    return lambda x: np.array([(1 + erf((v - mean) / std / sqrt(2))) / 2 for v in x])


@pytest.mark.parametrize(
    ("type_", "distribution"),
    [
        ("UniformFill", uniform(-2, 3)), ("GaussianFill", normal(1, 0.5)),
        ("XavierFill", uniform(-sqrt(3 / 500), sqrt(3 / 500))), ("MSRAFill", normal(0, sqrt(2 / 400))),
    ],
)  # fmt: skip
def test_distribution(registry, type_, distribution):
    y = np.sort(filled(registry, type_, [400, 500], seed=5, **FILLERS[type_]).ravel()[:20_000])
    steps = np.arange(len(y) + 1) / len(y)
    expected = distribution(y.astype(np.float64))
    distance = max(np.abs(expected - steps[1:]).max(), np.abs(expected - steps[:-1]).max())
    assert distance < 1.95 / sqrt(len(y)), (
        "Kolmogorov and Smirnov: one seed in a thousand is beyond"
    )


@pytest.mark.parametrize("type_", ["UniformFill", "GaussianFill"])
def test_neighbours_and_halves_of_a_chunk_do_not_follow_from_one_another(registry, type_):
    y = filled(registry, type_, [1 << 17], seed=1).astype(np.float64)
    for lag in (1, 2, 16, 32, 64, 2048, 4096):
        assert abs(np.corrcoef(y[:-lag], y[lag:])[0, 1]) < 4 / sqrt(len(y))


@pytest.mark.parametrize("type_", FILLERS)
@pytest.mark.parametrize("shape", [[1, 1], [3, 5], [64, 65], [300, 41]])
def test_a_seed_tells_the_numbers_whatever_the_threads(registry, monkeypatch, type_, shape):
    found = []
    for threads in ("1", "2", "3"):
        monkeypatch.setenv("C2_NUM_THREADS", threads)
        found.append(filled(registry, type_, shape, seed=7))
    assert found[0].shape == tuple(shape)
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])
    assert not np.array_equal(filled(registry, type_, shape, seed=8), found[0])
    assert not np.array_equal(filled(registry, type_, shape, seed=7, runs=2), found[0])


def test_empty(registry):
    assert filled(registry, "GaussianFill", [0, 3], seed=1).shape == (0, 3)
