"""Memory that a kernel holds between its runs: the first touch of fresh memory costs more than the work in it."""

from __future__ import annotations

from math import prod
from typing import Any


class Scratch:
    """Named buffers that grow to the largest size asked for. Their content is what was written last."""

    def __init__(self, xp: Any, dtype: Any) -> None:
        self.xp, self.dtype = xp, dtype
        self._held: dict[str, Any] = {}

    def __call__(self, role: str, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """An array of this shape in the buffer of that name."""
        size, held = prod(shape), self._held.get(role)
        if held is None or held.size < size:
            held = self._held[role] = self.xp.empty(size, dtype or self.dtype)
        return held[:size].reshape(shape)
