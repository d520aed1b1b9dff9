"""Generators of random numbers on a GPU. They are called in its scope, where their states live."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from c2_cuda.library import cupy


class Generator:
    """CuPy's generator, made at its first use; without a seed one per thread, whose state its operators share.

    A state takes megabytes, and two threads must not advance the same one. Numbers are those of Philox 4x32-10 (Salmon
    and others, 2011): the same for the same seed, and others than the CPU's.

    Args:
        seed: Caffe2's `random_seed`, or None for one of chance.
    """

    def __init__(self, seed: int | None, threads: threading.local) -> None:
        self._seed, self._threads = seed, threads
        self._own: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._generator(), name)

    def random(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Uniform in [0, 1), as NumPy's: `out` tells the size too. CuPy's alone fills it with a single number."""
        return self._generator().random(_size(size, out), dtype, out)

    def standard_normal(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Normal with mean 0 and deviation 1, as NumPy's; see `random`."""
        return self._generator().standard_normal(_size(size, out), dtype, out)

    def _generator(self) -> Any:
        if self._seed is not None:
            if self._own is None:
                self._own = _made(self._seed)
            return self._own
        if not hasattr(self._threads, "generator"):
            self._threads.generator = _made(None)
        return self._threads.generator


def _size(size: Any, out: Any) -> Any:
    return out.shape if size is None and out is not None else size


def _made(seed: int | None) -> Any:
    random = cupy().random
    return random.Generator(random.Philox4x3210(seed))
