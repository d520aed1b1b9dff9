"""Algorithms of convolution, one module each. `native/convolution.py` takes the one with the least estimated time.

A module has `ALGOS`, the values of Caffe2's argument `algo` that ask for it, and `ways(request, one, asked)`: the ways
in which it can compute the convolution `one`, or why there is none. `asked` is whether it was asked for by name, so
that it need not be fast. An estimate counts cycles of a core that does one multiplication and addition of 16 floats
per cycle; only the ratios between algorithms matter. The number of threads does not count, so that the same bits come
out for any.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from c2.compile.native import NativeKernel


@dataclass(frozen=True)
class Way:
    """One way to compute a convolution: its name for users, its estimated cycles, and what builds it."""

    label: str
    cycles: float
    build: Callable[[], NativeKernel]
