"""Who is told how far a long task is: a protocol, the listener that shows nothing, and one that writes lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from json import dumps
from math import isfinite
from time import monotonic
from typing import Protocol


class Progress(Protocol):
    """Listens to a task of known length; a progress bar is one.

    Calls come as `start`, any number of `advance`, `finish`, for one task after the other.
    """

    def start(self, task: str, total: int) -> None:
        """A task begins that has `total` steps."""

    def advance(self, done: int, values: Mapping[str, float]) -> None:
        """`done` steps are finished; `values` are the newest numbers by name, such as loss and accuracy."""

    def finish(self, values: Mapping[str, float]) -> None:
        """The task is done, with these results."""


class Silent:
    """A Progress that shows nothing."""

    def start(self, task: str, total: int) -> None:
        return None

    def advance(self, done: int, values: Mapping[str, float]) -> None:
        return None

    def finish(self, values: Mapping[str, float]) -> None:
        return None


class Lines:
    """A Progress that writes a line now and then: for logs, and where no terminal shows a bar.

    Args:
        json: each line is a JSON object with `task`, `step`, `total` (0: not known) and the values, for machines.
        seconds: between two lines of a task, and to its first one; its last one always comes.
        write: is given each line; None: standard error, at once.
        clock: seconds from any beginning.
    """

    def __init__(
        self,
        *,
        json: bool = False,
        seconds: float = 5.0,
        write: Callable[[str], object] | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._json, self._seconds, self._clock = json, seconds, clock
        self._write = write or _to_standard_error
        self._task, self._total, self._done = "", 0, 0
        self._next = 0.0

    def start(self, task: str, total: int) -> None:
        self._task, self._total, self._done = task, total, 0
        self._next = self._clock() + self._seconds

    def advance(self, done: int, values: Mapping[str, float]) -> None:
        self._done = done
        if self._clock() >= self._next:
            self._next = self._clock() + self._seconds
            self._write(self._line(values))

    def finish(self, values: Mapping[str, float]) -> None:
        self._write(self._line(values))

    def _line(self, values: Mapping[str, float]) -> str:
        if self._json:
            plain = {k: v if isfinite(v) else None for k, v in values.items()}
            return dumps({"task": self._task, "step": self._done, "total": self._total, **plain})
        of = f"/{self._total}" if self._total else ""
        return f"{self._task} {self._done}{of}  {told(values)}".rstrip()


WRITTEN = {
    "epoch": "epoch {:.0f}",
    "loss": "loss {:.4f}",
    "accuracy": "accuracy {:.1%}",
    "digits_per_second": "{:,.0f}/s",
    "steps_per_second": "{:.3g} steps/s",
    "slowest_rank": "slowest rank {:.0f}",
    "behind": "({:+.0%})",
}
"""How numbers are shown to people; others as they are."""


def told(values: Mapping[str, float]) -> str:
    """Numbers in one line.

    >>> told({"loss": 0.25, "steps_per_second": 12, "slowest_rank": 3, "behind": 0.07, "norm": 1.5})
    'loss 0.2500  12 steps/s  slowest rank 3  (+7%)  norm 1.5'
    """
    return "  ".join(WRITTEN.get(k, k + " {:.4g}").format(v) for k, v in values.items())


def _to_standard_error(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
