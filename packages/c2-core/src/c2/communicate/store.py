"""A store: keys and bytes that all processes of a job see; where they meet before they can talk."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable

from c2.errors import DeadlineError

TIMEOUT = 30.0  # seconds
PAUSES = (0.001, 0.05)  # seconds between two looks: the first one, and the longest


class Store(ABC):
    """Keys and bytes. All methods may be called by several threads."""

    @abstractmethod
    def set(self, key: str, value: bytes) -> None:
        """Puts a value in the place of what the key has."""

    @abstractmethod
    def find(self, key: str) -> bytes | None:
        """The value that the key has now."""

    @abstractmethod
    def add(self, key: str, amount: int) -> int:
        """Adds to a counter, which starts at 0, and returns it: no two callers get the same."""

    def get(self, key: str, timeout: float = TIMEOUT) -> bytes:
        """The value of a key, as soon as it has one. Raises DeadlineError after `timeout` seconds."""
        end, pause = time.monotonic() + timeout, PAUSES[0]
        while True:
            value = self.find(key)
            if value is not None:
                return value
            left = end - time.monotonic()
            if left <= 0:
                raise DeadlineError(f"{self}: nobody set '{key}' within {timeout:g} s")
            time.sleep(min(pause, left))
            pause = min(2 * pause, PAUSES[1])

    def wait(self, keys: Iterable[str], timeout: float = TIMEOUT) -> None:
        """Returns when all keys have values. Raises DeadlineError after `timeout` seconds."""
        end = time.monotonic() + timeout
        for key in keys:
            self.get(key, max(0.0, end - time.monotonic()))

    @property
    def host(self) -> str | None:
        """The host that serves it, which all processes of the job can reach; None where none does."""
        return None

    def close(self) -> None:  # noqa: B027, most hold nothing
        """Lets go of what it holds; the values stay where others hold them."""


class PrefixStore(Store):
    """Another store's keys under a prefix of their own."""

    def __init__(self, store: Store, prefix: str) -> None:
        self.store, self.prefix = store, prefix

    def __str__(self) -> str:
        return f"{self.store} under '{self.prefix}'"

    def set(self, key: str, value: bytes) -> None:
        self.store.set(f"{self.prefix}/{key}", value)

    def find(self, key: str) -> bytes | None:
        return self.store.find(f"{self.prefix}/{key}")

    def add(self, key: str, amount: int) -> int:
        return self.store.add(f"{self.prefix}/{key}", amount)

    @property
    def host(self) -> str | None:
        return self.store.host


class MemoryStore(Store):
    """Of one process: its threads, or a job of one rank."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def __str__(self) -> str:
        return "memory store"

    def set(self, key: str, value: bytes) -> None:
        with self._lock:
            self._values[key] = value

    def find(self, key: str) -> bytes | None:
        with self._lock:
            return self._values.get(key)

    def add(self, key: str, amount: int) -> int:
        with self._lock:
            total = int(self._values.get(key, 0)) + amount
            self._values[key] = str(total).encode()
            return total
