"""The model of a ring against one that sends every part by itself, and against solved cases."""

import numpy as np
import pytest

from c2.scaling.ring import Link, Work, bend, fit, in_buckets, predict

LINK = Link(latency=50e-6, bandwidth=1.25e9)


def sent_part_by_part(link, size, ranks):
    """Each rank may send its next part when the one before has come to it."""
    clocks = np.zeros(ranks)
    for _ in range(2 * (ranks - 1)):
        clocks = (
            np.maximum(clocks, np.roll(clocks, 1)) + link.latency + size / ranks / link.bandwidth
        )
    return clocks.max()


@pytest.mark.parametrize("ranks", [1, 2, 3, 64])
@pytest.mark.parametrize("size", [0, 4, 100_000_000])
def test_an_allreduce(size, ranks):
    expected = sent_part_by_part(LINK, size, ranks)
    assert LINK.allreduce(size, ranks) == pytest.approx(expected)
    assert LINK.waiting(ranks) + LINK.moving(size, ranks) == pytest.approx(expected)


@pytest.mark.parametrize("ranks", [2, 8])
def test_the_link_is_found_in_times(ranks):
    sizes = [1 << k for k in range(12, 25)]
    found = fit([(size, sent_part_by_part(LINK, size, ranks)) for size in sizes], ranks)
    assert found.latency == pytest.approx(LINK.latency)
    assert found.bandwidth == pytest.approx(LINK.bandwidth)


def test_no_latency_is_seen():
    found = fit([(1000, 0.9e-3), (2000, 2e-3), (4000, 4.1e-3)], 2)
    assert found.latency == 0
    assert found.bandwidth == pytest.approx(1e6, rel=0.1)


@pytest.mark.parametrize(
    "rows", [[(1, 1.0)], [(1, 1.0), (1, 2.0)], [(1, 1.0), (2, 0.1), (3, 0.01)]]
)
def test_times_that_give_no_link(rows):
    with pytest.raises(ValueError, match="two sizes or more|do not grow"):
        fit(rows, 2)


def test_one_exchange_after_the_backward_pass():
    one = predict(Work(0.3, [1e8]), LINK, 8)
    exchange = sent_part_by_part(LINK, 1e8, 8)
    assert one.seconds == pytest.approx(0.3 + exchange)
    assert one.overlapped_seconds == pytest.approx(0.3 + exchange)  # it waits for the last gradient
    assert one.efficiency == pytest.approx(0.3 / (0.3 + exchange))


def test_exchanges_beside_the_backward_pass():
    """Of two parts the first is exchanged while the second is computed; then one hides, or waits for the other."""
    part = sent_part_by_part(LINK, 5e7, 8)
    hidden = predict(Work(30.0, [5e7, 5e7]), LINK, 8)
    assert hidden.overlapped_seconds == pytest.approx(30 + part)
    crowded = predict(Work(0.03, [5e7, 5e7]), LINK, 8)
    assert crowded.overlapped_seconds == pytest.approx(
        0.02 + 2 * part
    )  # 0.01 s forward, half of 0.02 s
    assert crowded.seconds == pytest.approx(0.03 + 2 * part)


def test_one_rank_exchanges_nothing():
    alone = predict(Work(0.5, [1e6] * 10), LINK, 1)
    assert alone.efficiency == alone.overlapped_efficiency == 1


def test_where_it_bends():
    """Latency alone: 2 (p - 1) 50 us are more than a ninth of 0.9 s from p = 1002 on."""
    work = Work(0.9, [1e-9])
    every = [predict(work, LINK, ranks) for ranks in range(1, 1100)]
    assert bend(every, overlap=False).ranks == 1002
    assert bend(every[:1001], overlap=False) is None


def test_parts():
    assert in_buckets(10, 4) == [4, 4, 2]
    assert in_buckets(8, 4) == [4, 4]
    assert in_buckets(3, 4) == [3]
