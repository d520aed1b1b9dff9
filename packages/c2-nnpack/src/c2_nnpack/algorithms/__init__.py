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
    """One way to compute a convolution.

    Attributes:
        label: its name for users.
        cycles: the estimate.
        build: gives its kernel.
        memory: bytes of packed filters and scratch memory; 0 where they are no larger than those of a direct one.
        spreads: whether a NaN or an infinity in the input reaches outputs whose windows do not hold it.
        error: gives the error that it has with these filters (see `limits`); None where it is a direct one's.
    """

    label: str
    cycles: float
    build: Callable[[], NativeKernel]
    memory: int = 0
    spreads: bool = False
    error: Callable[[], float] | None = None
