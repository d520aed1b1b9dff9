"""Progress of several ranks folded into one: by threads that share a store, and a clock that is told the time."""

import json

import pytest

from c2.build.progress import Lines
from c2.communicate.alone import Alone
from c2.communicate.store import MemoryStore
from c2.parallel import ProgressOfAll


class Told:
    """Keeps what a Progress is told."""

    def __init__(self):
        self.calls = []

    def start(self, task, total):
        self.calls.append(("start", task, total))

    def advance(self, done, values):
        self.calls.append(("advance", done, dict(values)))

    def finish(self, values):
        self.calls.append(("finish", dict(values)))


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def job(size):
    """Ranks of a job that share a store, a listener each, and the clock."""
    store, clock, told = MemoryStore(), Clock(), [Told() for _ in range(size)]
    ranks = []
    for rank in range(size):
        one = Alone()
        one.rank, one.size, one.store = rank, size, store
        ranks.append(one)
    progress = [ProgressOfAll(r, t, seconds=1.0, clock=clock) for r, t in zip(ranks, told)]
    return ranks, clock, told, progress


def test_folded_by_rank_0():
    ranks, clock, told, progress = job(3)
    for one in progress:
        one.start("train", 100)
    clock.now = 2.0
    for rank, waited in ((1, 1.5), (2, 0.5), (0, 1.0)):  # rank 0 looks last
        ranks[rank].waited += waited
        progress[rank].advance(10, {"loss": 1.0 + rank})
    progress[0].finish({"loss": 0.5})
    busy = [1.0 / 10, 0.5 / 10, 1.5 / 10]
    values = {
        "loss": pytest.approx(2.0), "steps_per_second": pytest.approx(5.0), "slowest_rank": 2,
        "behind": pytest.approx(busy[2] / (sum(busy) / 3) - 1),
    }  # fmt: skip
    assert told[0].calls[:2] == [("start", "train", 100), ("advance", 10, values)]
    assert told[0].calls[2:] == [("finish", {**values, "loss": 0.5})]
    assert told[1].calls == told[2].calls == []


def test_not_at_every_step():
    _, clock, told, progress = job(1)
    progress[0].start("train", 0)
    for step in range(1, 41):
        clock.now = 0.1 * step
        progress[0].advance(step, {"loss": 1.0})
    steps = [call[1] for call in told[0].calls if call[0] == "advance"]
    assert 3 <= len(steps) <= 4
    assert told[0].calls[1][2] == {"loss": 1.0, "steps_per_second": pytest.approx(10.0)}


def test_a_task_of_less_than_a_second():
    _, clock, told, progress = job(2)
    progress[0].start("train", 3)
    for step in range(1, 4):
        clock.now += 0.1
        progress[0].advance(step, {"loss": 2.0})
    progress[0].finish({"loss": 1.0})
    values = {"steps_per_second": pytest.approx(10.0)}
    assert told[0].calls[1:] == [
        ("advance", 3, {"loss": 1.0, **values}),
        ("finish", {"loss": 1.0, **values}),
    ]


def test_a_rank_that_has_said_nothing_yet():
    _, clock, told, progress = job(2)
    progress[0].start("train", 0)
    clock.now = 1.0
    progress[0].advance(5, {"loss": 3.0})
    assert told[0].calls[1] == ("advance", 5, {"loss": 3.0, "steps_per_second": 5.0})


@pytest.mark.parametrize(
    ("json_lines", "first", "last"),
    [
        (False, "train 3/9  loss 2.0000", "train 4/9  loss 1.0000  slowest rank 1"),
        (True, {"task": "train", "step": 3, "total": 9, "loss": 2.0},
         {"task": "train", "step": 4, "total": 9, "loss": 1.0, "slowest_rank": 1}),
    ],
)  # fmt: skip
def test_lines(json_lines, first, last):
    found, clock = [], Clock()
    lines = Lines(json=json_lines, seconds=2.5, write=found.append, clock=clock)
    lines.start("train", 9)
    for step in range(1, 5):
        clock.now = float(step)
        lines.advance(step, {"loss": 2.0})
    lines.finish({"loss": 1.0, "slowest_rank": 1})
    assert [json.loads(one) if json_lines else one for one in found] == [first, last]


def test_json_has_no_infinity():
    found = []
    lines = Lines(json=True, write=found.append)
    lines.start("train", 0)
    lines.finish({"loss": float("nan")})
    assert json.loads(found[0])["loss"] is None
