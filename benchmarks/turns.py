"""Kernels timed by turns, so that what else the machine does falls on all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any


def in_turns(
    calls: Mapping[str, Callable[[], Any]],
    runs: int,
    seconds: float,
    clock: Callable[[], float] = perf_counter,
) -> dict[str, float]:
    """The least seconds of each, by the clock; a turn lasts at least `seconds`, after a call that is not timed."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(runs):
        for name, call in calls.items():
            call()
            end = clock() + seconds
            while True:
                start = clock()
                call()
                stop = clock()
                best[name] = min(best[name], stop - start)
                if stop > end:
                    break
    return best
