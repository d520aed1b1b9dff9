"""Layouts: the ways in which back ends keep a blob in memory. The compiler knows their names and sizes alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from c2.registry import TensorSpec

if TYPE_CHECKING:
    from c2.compile.native import NativeKernel


@dataclass(frozen=True)
class Layout:
    """A way to keep a blob in memory; two of one name are the same.

    Attributes:
        name: shown by `c2 explain --passes`; unique over all back ends.
        nbytes: spec -> bytes of a blob of that spec, padding included.
        reorder: (spec, source, target, threads) -> the native call that turns a blob of one layout into another (one
            input, one output), or the reason why there is none. One of the two is this layout.
        full: where it keeps numbers in fewer bits than their dtype has, the layout of the same order that does not;
            what kernels of full precision are offered in its place.
    """

    name: str
    nbytes: Callable[[TensorSpec], int] = field(compare=False, repr=False)
    reorder: Callable[[TensorSpec, Layout, Layout, int], NativeKernel | str] | None = field(
        default=None, compare=False, repr=False
    )
    full: Layout | None = field(default=None, compare=False, repr=False)


# C order, as NumPy has it: what every kernel and every user understands.
PLAIN = Layout("plain", lambda spec: spec.nbytes)
