"""Progress of all processes in one place: what each says now and then, folded by rank 0."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from c2.build.progress import Progress, Silent
from c2.communicate.communicator import Communicator

KEY = "progress"


class ProgressOfAll:
    """A Progress for each rank of a job; `listener` shows in rank 0 what all do.

        progress = c2.parallel.ProgressOfAll(ranks, c2.build.progress.Lines())
        c2.build.train.fit(model, workspace, rows, epochs=3, progress=progress)

    About once in `seconds` each rank says through the store of the job where it is; nobody waits for anybody. The
    listener's values are the means of the ranks' newest ones, and

        steps_per_second: of rank 0; ranks that train together have the same.
        slowest_rank: the one that computes longest per step; the others wait for it in their exchanges.
        behind: how much longer than the mean of all it computes.

    Args:
        seconds: between two reports of a rank.
        clock: seconds from any beginning.
    """

    def __init__(
        self,
        ranks: Communicator,
        listener: Progress,
        *,
        seconds: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ranks = ranks
        self.listener = listener if ranks.rank == 0 else Silent()
        self._seconds, self._clock = seconds, clock
        self._tasks = 0
        self._done = self._step = 0  # steps that are done, and those that were reported
        self._since = self._waited = 0.0
        self._speed: dict[str, float] = {}

    def start(self, task: str, total: int) -> None:
        self._tasks += 1
        self._done, self._step, self._since, self._waited = 0, 0, self._clock(), self.ranks.waited
        self._speed = {}
        self.listener.start(task, total)

    def advance(self, done: int, values: Mapping[str, float]) -> None:
        self._done = done
        if self._clock() - self._since >= self._seconds:
            self._report(values)

    def finish(self, values: Mapping[str, float]) -> None:
        if self._step < self._done:
            self._report(values)
        self.listener.finish({**self._folded(values), **values} if self.ranks.rank == 0 else values)

    def _report(self, values: Mapping[str, float]) -> None:
        self._say(self._done, values)
        if self.ranks.rank == 0:
            self.listener.advance(self._done, self._folded(values))

    def _say(self, done: int, values: Mapping[str, float]) -> None:
        """Leaves in the store how this rank is doing since it said so last."""
        now, steps = self._clock(), done - self._step
        elapsed, waited = now - self._since, self.ranks.waited - self._waited
        self._step, self._since, self._waited = done, now, self.ranks.waited
        if steps > 0:
            self._speed = {
                "steps_per_second": steps / elapsed,
                "busy": max(elapsed - waited, 0.0) / steps,
            }
        said = {"step": done, "values": dict(values), **self._speed}
        self.ranks.store.set(self._key(self.ranks.rank), json.dumps(said).encode())

    def _key(self, rank: int) -> str:
        return f"{KEY}/{self._tasks}/{rank}"

    def _folded(self, values: Mapping[str, float]) -> dict[str, float]:
        """What all ranks have said, as values for the listener."""
        said = self._said()
        folded = {
            name: sum(one["values"].get(name, value) for one in said.values()) / len(said)
            for name, value in values.items()
            if said
        }
        busy = {rank: one["busy"] for rank, one in said.items() if "busy" in one}
        folded["steps_per_second"] = self._speed.get("steps_per_second", 0.0)
        if len(busy) > 1:
            slowest = max(busy, key=busy.__getitem__)
            mean = sum(busy.values()) / len(busy)
            folded["slowest_rank"] = slowest
            folded["behind"] = busy[slowest] / mean - 1 if mean else 0.0
        return folded

    def _said(self) -> dict[int, Any]:
        """The newest word of each rank that has said one."""
        found = {r: self.ranks.store.find(self._key(r)) for r in range(self.ranks.size)}
        return {r: json.loads(text) for r, text in found.items() if text is not None}
