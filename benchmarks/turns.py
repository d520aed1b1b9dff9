"""Kernels timed by turns, so that what else the machine does falls on all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from time import clock_gettime, perf_counter
from typing import Any

Call = Callable[[], Any]
Timed = Callable[[Call], float]


def in_turns(
    calls: Mapping[str, Call],
    runs: int,
    seconds: float,
    timed: Timed | None = None,
) -> dict[str, float]:
    """The least seconds of each, as `timed` tells them.

    A turn lasts at least `seconds`, after a call that is not timed.
    """
    timed = timed or wall_time
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(runs):
        for name, call in calls.items():
            call()
            left = seconds
            while left > 0:
                took = timed(call)
                best[name] = min(best[name], took)
                left -= took
    return best


def wall_time(call: Call) -> float:
    """Seconds that a call takes."""
    start = perf_counter()
    call()
    return perf_counter() - start


def cpu_time(call: Call) -> float:
    """Seconds that the busiest of this process's threads computes, whoever else has the CPUs (Linux).

    It tells how work is divided, not what threads wait for one another. Needs OMP_WAIT_POLICY=passive where there are
    several: threads that spin while they wait compute.
    """
    start = _computed()
    call()
    return max(now - start.get(thread, 0.0) for thread, now in _computed().items())


def _computed() -> dict[str, float]:
    """Seconds of CPU time by thread."""
    return {tid: clock_gettime(_clock(int(tid))) for tid in os.listdir("/proc/self/task")}


def _clock(tid: int) -> int:
    """Linux's clock of a thread's CPU time, by its number: CPUCLOCK_PERTHREAD and CPUCLOCK_SCHED."""
    return ~tid << 3 | 6
