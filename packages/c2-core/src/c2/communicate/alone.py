"""The communicator of a job of one process: every sum is what it was. It needs no plugin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from c2.communicate.communicator import Communicator
from c2.communicate.store import TIMEOUT, MemoryStore, Store


class Alone(Communicator):
    """One rank, 0 of 1, so that a script for many processes runs as one too."""

    def __init__(self, timeout: float = TIMEOUT) -> None:
        super().__init__(0, 1, MemoryStore(), timeout)

    @classmethod
    def open(
        cls, rank: int, size: int, store: Store, timeout: float, interface: str | None = None
    ) -> Alone:
        return cls(timeout)

    def close(self) -> None:
        """Nothing is held."""

    def _allreduce(self, array: Any, operation: str, tag: int, seconds: float) -> None:
        """The sum of one array is itself."""

    def _broadcast(self, array: Any, root: int, tag: int, seconds: float) -> None:
        """The root's array is the only one."""

    def _reduce(self, array: Any, root: int, operation: str, tag: int, seconds: float) -> None:
        """The sum of one array is itself."""

    def _barrier(self, tag: int, seconds: float) -> None:
        """All are here."""

    def _allgather(self, array: Any, out: Any, tag: int, seconds: float) -> None:
        out[0] = array

    def _reduce_scatter(
        self, array: Any, counts: Sequence[int], out: Any, tag: int, seconds: float
    ) -> None:
        out[...] = array.reshape(-1)

    def _send(self, array: Any, to: int, tag: int, seconds: float) -> None:
        raise RuntimeError("a process alone has nobody to send to")

    def _receive(self, out: Any, source: int | None, tag: int, seconds: float) -> int:
        raise RuntimeError("a process alone has nobody to receive from")
