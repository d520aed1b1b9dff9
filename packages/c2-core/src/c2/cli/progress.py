"""Progress bars for long work: one per task, with its newest numbers, on the stream for messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from c2.build.progress import told
from c2.cli.output import errors


class Bars:
    """A `c2.build.progress.Progress` that a terminal shows.

    Args:
        descriptions: task name -> what stands before its bar.
    """

    def __init__(self, descriptions: Mapping[str, str] | None = None) -> None:
        self._descriptions = dict(descriptions or {})
        self._bars = Progress(
            TextColumn("{task.description:<20}"),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[numbers]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=errors,
        )
        self._task: TaskID | None = None
        self._total = 0

    def __enter__(self) -> Bars:
        self._bars.__enter__()
        return self

    def __exit__(self, *exc: Any) -> None:
        self._bars.__exit__(*exc)

    def start(self, task: str, total: int) -> None:
        self._total = total
        described = self._descriptions.get(task, task)
        self._task = self._bars.add_task(described, total=total or None, numbers="")

    def advance(self, done: int, values: Mapping[str, float]) -> None:
        assert self._task is not None
        self._bars.update(self._task, completed=done, numbers=told(values))

    def finish(self, values: Mapping[str, float]) -> None:
        assert self._task is not None
        self._bars.update(self._task, completed=self._total, numbers=told(values))
