"""The model: sums go round a ring whose links have a latency and a bandwidth.

An allreduce of n bytes over p ranks takes 2 (p - 1) steps, each of n / p bytes to the next rank (Patarasuk & Yuan,
2009): 2 (p - 1) (latency + n / (p bandwidth)). All links are taken to be alike, and to work at the same time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

BACKWARD = 2 / 3  # of a step's computing: two products of matrices for each one forward
GOOD = 0.9  # efficiency below which scaling is said to bend


@dataclass(frozen=True)
class Link:
    """From a rank to the next. latency: seconds of a message; bandwidth: bytes in a second."""

    latency: float
    bandwidth: float

    def allreduce(self, size: float, ranks: int) -> float:
        """Seconds for `size` bytes."""
        return self.waiting(ranks) + self.moving(size, ranks)

    def waiting(self, ranks: int) -> float:
        """Seconds of an allreduce that no size can save."""
        return 2 * (ranks - 1) * self.latency

    def moving(self, size: float, ranks: int) -> float:
        """Seconds that the bytes of an allreduce take beside that."""
        return 2 * (ranks - 1) / ranks * size / self.bandwidth


def fit(measured: Iterable[tuple[float, float]], ranks: int) -> Link:
    """The link whose allreduces come nearest to (bytes, seconds), by least squares of relative errors.

    Raises:
        ValueError: a single rank, fewer than two sizes, or times that do not grow with them.
    """
    sizes, seconds = np.array(sorted(measured), float).T.reshape(2, -1)
    if ranks < 2 or len(set(sizes)) < 2:
        raise ValueError(
            f"a link is fitted to two sizes or more over two ranks or more, got {len(sizes)}, {ranks}"
        )
    terms = np.stack([np.ones_like(sizes), sizes], 1) / seconds[:, None]
    fixed, per_byte = np.linalg.lstsq(terms, np.ones_like(sizes), rcond=None)[0]
    if fixed < 0:  # no latency is seen: what is left is the slope
        fixed, per_byte = 0.0, float(terms[:, 1].sum() / (terms[:, 1] ** 2).sum())
    if per_byte <= 0:
        raise ValueError(f"times do not grow with sizes: {seconds.tolist()} s")
    steps = 2 * (ranks - 1)
    return Link(float(fixed) / steps, steps / ranks / float(per_byte))


@dataclass(frozen=True)
class Work:
    """A step of training on one rank.

    Attributes:
        compute: seconds without any exchange.
        gradients: bytes of those that are exchanged together, in the order in which they are made.
    """

    compute: float
    gradients: Sequence[float]

    def seconds(self, link: Link, ranks: int, overlap: bool) -> float:
        """Of a step with its exchanges, each of which begins when the one before has ended.

        Args:
            overlap: an exchange begins as soon as its gradients are made, evenly by bytes over the backward pass;
                else all begin after it.
        """
        begun = self.compute * (1 - BACKWARD) if overlap else self.compute
        made, total = np.cumsum([0.0, *self.gradients]), sum(self.gradients)
        end = begun
        for before, after in pairwise(made):
            ready = begun + (self.compute - begun) * after / total
            end = max(end, ready) + link.allreduce(after - before, ranks)
        return max(end, self.compute)


def in_buckets(size: float, bucket: float) -> list[float]:
    """`size` bytes of gradients in parts of `bucket` bytes, and the rest."""
    whole, rest = divmod(size, bucket)
    return [bucket] * int(whole) + ([rest] if rest else [])


@dataclass(frozen=True)
class Prediction:
    """A step of training on many ranks, each with as much work as one has alone.

    Attributes:
        seconds, efficiency: exchange after the backward pass; efficiency is the step of one rank over this one.
        overlapped_seconds, overlapped_efficiency: exchange beside it.
        waiting, moving: seconds of all exchanges that are latency, and bandwidth.
    """

    ranks: int
    seconds: float
    efficiency: float
    overlapped_seconds: float
    overlapped_efficiency: float
    waiting: float
    moving: float


def predict(work: Work, link: Link, ranks: int) -> Prediction:
    after, beside = (work.seconds(link, ranks, overlap) for overlap in (False, True))
    return Prediction(
        ranks, after, work.compute / after, beside, work.compute / beside,
        len(work.gradients) * link.waiting(ranks), link.moving(sum(work.gradients), ranks),
    )  # fmt: skip


def bend(predictions: Iterable[Prediction], overlap: bool) -> Prediction | None:
    """The first whose efficiency is below GOOD."""
    for one in predictions:
        if (one.overlapped_efficiency if overlap else one.efficiency) < GOOD:
            return one
    return None
