"""Who is told how far a long task is: a protocol, and the listener that is told nothing."""

from __future__ import annotations

from collections.abc import Mapping
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
