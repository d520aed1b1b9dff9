"""What an algorithm must keep to be chosen: a bound of its error, of its memory, and of how far a NaN reaches."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from c2.compile.precision import FULL
from c2.errors import PluginError
from c2_nnpack.algorithms import Way

ERROR, MEMORY, NONFINITE = "C2_NNPACK_ERROR", "C2_NNPACK_MEMORY", "C2_NNPACK_NONFINITE"
# Precision -> bound of the error that `Way.error` gives. Random filters with up to 512 channels have a third of it.
BOUNDS = {FULL: 2e-4, "fp16": 5e-2}
BUDGET = 1 << 30  # bytes of a single convolution
SPREAD = {"spread": True, "contain": False}


@dataclass(frozen=True)
class Limits:
    """
    Attributes:
        error: root mean square of the error of an output channel, relative to that of the channel.
        memory: bytes of packed filters and scratch memory of one convolution.
        spread: whether a NaN or an infinity may reach outputs whose windows do not hold it.
    """

    error: float = BOUNDS[FULL]
    memory: int = BUDGET
    spread: bool = True

    @classmethod
    def from_environment(cls, precision: str = FULL) -> Limits:
        """The defaults, or what C2_NNPACK_ERROR, C2_NNPACK_MEMORY (bytes) and C2_NNPACK_NONFINITE say.

        Raises:
            PluginError: one of them is not understood.
        """
        how = os.environ.get(NONFINITE, "spread")
        if how not in SPREAD:
            raise PluginError(f"{NONFINITE} must be one of {', '.join(SPREAD)}, got '{how}'")
        error = _number(ERROR, BOUNDS[precision])
        return cls(error, int(_number(MEMORY, BUDGET)), SPREAD[how])

    def refusal(self, way: Way) -> str | None:
        """Why the way must not be chosen, before it is built."""
        if way.memory > self.memory:
            return (
                f"{way.label}: {way.memory / 1e6:.0f} MB of filters and scratch pass the budget of "
                f"{self.memory / 1e6:.0f} MB ({MEMORY})"
            )
        if way.spreads and not self.spread:
            return f"{way.label}: it spreads NaN and infinities ({NONFINITE}=contain)"
        return None

    def imprecise(self, way: Way) -> str | None:
        """Why the way must not be chosen for its filters; asked while its kernel is there, whose filters serve."""
        if way.error is None:
            return None
        found = way.error()
        if found <= self.error:  # not so for NaN
            return None
        return f"{way.label}: its error of {found:.1e} with these filters passes {self.error:.1e} ({ERROR})"


def _number(variable: str, default: float) -> float:
    text = os.environ.get(variable)
    if text is None:
        return default
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not number >= 0:
        raise PluginError(f"{variable} must be a number from 0 on, got '{text}'")
    return number
