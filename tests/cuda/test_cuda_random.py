"""The generator's adapter, over one that does what CuPy's does: without a size it draws a single number."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from c2_cuda import random as adapter


class LikeCupy:
    """CuPy's two methods by NumPy's: `out` is filled with what `size` asked for."""

    def __init__(self, seed):
        self._numpy = np.random.default_rng(seed)

    def random(self, size=None, dtype=np.float64, out=None):
        return self._given(self._numpy.random(size or (), dtype), out)

    def standard_normal(self, size=None, dtype=np.float64, out=None):
        return self._given(self._numpy.standard_normal(size or (), dtype), out)

    def _given(self, drawn, out):
        if out is None:
            return drawn
        out[...] = drawn
        return out


@pytest.fixture(autouse=True)
def like_cupy(monkeypatch):
    module = SimpleNamespace(random=SimpleNamespace(Generator=LikeCupy, Philox4x3210=lambda s: s))
    monkeypatch.setattr(adapter, "cupy", lambda: module)


@pytest.mark.parametrize("method", ["random", "standard_normal"])
def test_every_element_of_a_buffer_is_drawn(method):
    out = np.zeros((3, 4), np.float32)
    drawn = getattr(adapter.Generator(3, threading.local()), method)(dtype=np.float32, out=out)
    assert drawn is out
    assert len(np.unique(out)) == 12


def test_seeds_and_threads():
    threads = threading.local()
    first, same, other = (adapter.Generator(s, threads).random((5,)) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)
    chance = [adapter.Generator(None, threads) for _ in range(2)]
    assert not np.array_equal(chance[0].random((5,)), chance[1].random((5,)))
    assert threads.generator is chance[0]._generator() is chance[1]._generator()
