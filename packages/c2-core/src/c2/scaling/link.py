"""What allreduces take between the ranks at hand."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from c2.communicate.communicator import Communicator

SIZES = tuple(1 << k for k in range(16, 25, 2))  # bytes, from where sums go round the ring
LEAST, MOST = 5, 50  # times that each size is measured
SECONDS = 1.0  # for each size, where that are more than LEAST times


def measure_allreduces(
    ranks: Communicator, sizes: tuple[int, ...] = SIZES
) -> list[tuple[int, float]]:
    """(bytes, seconds) for each size: the least of several times, each that of the slowest rank. All ranks call it."""
    return [(size, _measure(ranks, np.zeros(size // 4, np.float32))) for size in sizes]


def _measure(ranks: Communicator, array: np.ndarray) -> float:
    ranks.allreduce(array)
    best = once = _slowest(ranks, array)
    for _ in range(min(MOST, max(LEAST, int(SECONDS / once))) - 1):
        best = min(best, _slowest(ranks, array))
    return best


def _slowest(ranks: Communicator, array: np.ndarray) -> float:
    """Seconds of one allreduce on the rank that took longest; the same on all ranks."""
    ranks.barrier()
    start = perf_counter()
    ranks.allreduce(array)
    took = np.array([perf_counter() - start])
    ranks.allreduce(took, "max")
    return float(took[0])
