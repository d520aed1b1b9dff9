"""The communicator: what joins the processes of a job. Plugins give the transport; order, names and faults are here."""

from __future__ import annotations

import contextlib
import threading
import time
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from c2.communicate.background import Background, Work
from c2.communicate.store import TIMEOUT, PrefixStore, Store
from c2.errors import C2Error, CommunicationError

OPERATIONS = ("sum", "product", "min", "max")
LISTEN = 2.0  # seconds that a rank waits for what the others say of a fault


class Communicator(ABC):
    """Rank `rank` of `size` processes that call the same collectives in the same order.

    Arrays are C-contiguous and written in place where nothing else is said. Each call ends within `timeout` seconds:
    with a result, or with a CommunicationError that names rank, collective and its number, and says what the other
    ranks were doing. After an error the communicator is of no more use: `connect` makes another.

    Attributes:
        waited: seconds that this process has spent in collectives and in `finish` until now.

    A back end gives the methods with an underscore; each gets a tag that no two collectives share unless they are alike
    in kind, number, dtype, shape and arguments, so that ranks that disagree never exchange anything.
    """

    def __init__(self, rank: int, size: int, store: Store, timeout: float = TIMEOUT) -> None:
        self.rank, self.size, self.store, self.timeout = rank, size, store, timeout
        self.waited = 0.0
        self._number = 0
        self._clones = 0
        self._background: Background | None = None
        self._fault: str | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} rank {self.rank} of {self.size}>"

    def allreduce(
        self, arrays: Any, operation: str = "sum", *, timeout: float | None = None
    ) -> None:
        """Each array becomes the sum (product, min, max) of its like on all ranks."""
        _check_operation(operation)
        for array in _listed(arrays):
            with self._collective("allreduce", timeout, array, operation) as (tag, seconds):
                self._allreduce(array, operation, tag, seconds)

    def allgather(self, array: Any, out: Any, *, timeout: float | None = None) -> None:
        """`out` (size, *array.shape) becomes the arrays of all ranks."""
        with self._collective("allgather", timeout, array) as (tag, seconds):
            _check_shape("out", out, (self.size, *array.shape))
            self._allgather(array, out, tag, seconds)

    def broadcast(self, arrays: Any, root: int = 0, *, timeout: float | None = None) -> None:
        """Each array becomes that of the root."""
        for array in _listed(arrays):
            with self._collective("broadcast", timeout, array, root) as (tag, seconds):
                self._check_rank(root)
                self._broadcast(array, root, tag, seconds)

    def reduce(
        self, array: Any, root: int = 0, operation: str = "sum", *, timeout: float | None = None
    ) -> None:
        """The array of the root becomes the sum over all ranks; those of the others stay."""
        _check_operation(operation)
        with self._collective("reduce", timeout, array, root, operation) as (tag, seconds):
            self._check_rank(root)
            self._reduce(array, root, operation, tag, seconds)

    def reduce_scatter(
        self, array: Any, counts: Sequence[int], out: Any, *, timeout: float | None = None
    ) -> None:
        """`out` (counts[rank],) becomes this rank's part of the sum of all arrays, which are overwritten."""
        with self._collective("reduce_scatter", timeout, array, *counts) as (tag, seconds):
            if len(counts) != self.size or sum(counts) != array.size:
                raise CommunicationError(
                    f"reduce_scatter: counts must be {self.size} numbers whose sum is {array.size}, got {counts}"
                )
            _check_shape("out", out, (counts[self.rank],))
            self._reduce_scatter(array, counts, out, tag, seconds)

    def barrier(self, *, timeout: float | None = None) -> None:
        """Returns when all ranks have called it."""
        with self._collective("barrier", timeout) as (tag, seconds):
            self._barrier(tag, seconds)

    def send(self, array: Any, to: int, tag: int = 0, *, timeout: float | None = None) -> None:
        """Sends an array to a rank, which receives one of the same size and tag."""
        self._check_rank(to)
        with self._faults(f"send with tag {tag} to rank {to}"):
            self._send(array, to, tag, self.timeout if timeout is None else timeout)

    def receive(
        self, out: Any, source: int | None = None, tag: int = 0, *, timeout: float | None = None
    ) -> int:
        """Receives into an array, from a rank or (None) from any; returns the rank that sent."""
        if source is not None:
            self._check_rank(source)
        whom = "any rank" if source is None else f"rank {source}"
        with self._faults(f"receive with tag {tag} from {whom}"):
            seconds = self.timeout if timeout is None else timeout
            return self._receive(out, source, tag, seconds)

    def clone(self) -> Communicator:
        """A second communicator of the same ranks, whose collectives may run beside those of this one. All call it."""
        self._clones += 1
        store = PrefixStore(self.store, f"clone{self._clones}")
        return self.open(self.rank, self.size, store, self.timeout, **self._options())

    def begin(self, work: Work) -> int:
        """Does collectives while the caller goes on: `work(clone)` runs on another thread, through a clone.

        Work that was begun first is done first. All ranks begin the same, in the same order. What `work` reads and
        writes is its own until `finish` has returned.

        Returns:
            A number for `finish`.
        """
        if self._background is None:
            self._background = Background(self)
        return self._background.begin(work)

    def finish(self, number: int) -> Any:
        """What that work returned, when it is done; call it once for each. Raises what the work raised."""
        assert self._background is not None, "nothing was begun"
        start = time.perf_counter()
        try:
            return self._background.finish(number)
        finally:
            self.waited += time.perf_counter() - start

    @classmethod
    @abstractmethod
    def open(
        cls, rank: int, size: int, store: Store, timeout: float, interface: str | None = None
    ) -> Communicator:
        """Joins all ranks; returns when all are connected. `interface` is that of the network to use."""

    @abstractmethod
    def close(self) -> None:
        """Ends all connections; the other ranks' collectives fail."""

    def _options(self) -> dict[str, Any]:
        """What `open` was told beyond rank, size, store and timeout."""
        return {}

    @abstractmethod
    def _allreduce(self, array: Any, operation: str, tag: int, seconds: float) -> None: ...
    @abstractmethod
    def _allgather(self, array: Any, out: Any, tag: int, seconds: float) -> None: ...
    @abstractmethod
    def _broadcast(self, array: Any, root: int, tag: int, seconds: float) -> None: ...
    @abstractmethod
    def _reduce(self, array: Any, root: int, operation: str, tag: int, seconds: float) -> None: ...
    @abstractmethod
    def _reduce_scatter(
        self, array: Any, counts: Sequence[int], out: Any, tag: int, seconds: float
    ) -> None: ...
    @abstractmethod
    def _barrier(self, tag: int, seconds: float) -> None: ...
    @abstractmethod
    def _send(self, array: Any, to: int, tag: int, seconds: float) -> None: ...
    @abstractmethod
    def _receive(self, out: Any, source: int | None, tag: int, seconds: float) -> int: ...

    @contextlib.contextmanager
    def _collective(
        self, kind: str, timeout: float | None, array: Any = None, *arguments: object
    ) -> Iterator[tuple[int, float]]:
        """Numbers a collective; gives its tag and its deadline in seconds."""
        with self._lock:
            self._number += 1
            number = self._number
        form = "" if array is None else f" of {array.dtype} {array.shape}"
        told = "".join(f", {a}" for a in arguments)
        doing, start = f"{kind} #{number}{form}{told}", time.perf_counter()
        try:
            with self._faults(doing):
                yield zlib.crc32(doing.encode()), self.timeout if timeout is None else timeout
        finally:
            self.waited += time.perf_counter() - start

    @contextlib.contextmanager
    def _faults(self, doing: str) -> Iterator[None]:
        """Turns a failure into an error that says where each rank is, and tells the others where this one was."""
        if self._fault is not None:
            raise CommunicationError(
                f"rank {self.rank}: {doing}: not begun, as this communicator failed before: {self._fault}"
            )
        try:
            yield
        except C2Error:
            raise
        except Exception as error:
            self._fault = f"{doing}: {error}"
            others = self._others(doing)
            raise CommunicationError(
                f"rank {self.rank} of {self.size}: {doing}: {error}{others}"
            ) from error

    def _others(self, doing: str) -> str:
        """What each other rank says of the fault; a line for each."""
        lines, end = [], time.monotonic() + LISTEN
        try:
            self.store.set(f"fault/{self.rank}", doing.encode())
            for rank in range(self.size):
                if rank == self.rank:
                    continue
                try:
                    left = max(0.0, end - time.monotonic())
                    said = "failed in " + self.store.get(f"fault/{rank}", left).decode()
                except TimeoutError:
                    said = "has not said anything: it ended, hangs, or is not there yet"
                lines.append(f"rank {rank} {said}")
        except C2Error as error:
            lines.append(f"what the others do cannot be told: {error}")
        return "".join(f"\n  {line}" for line in lines)

    def _check_rank(self, rank: int) -> None:
        if not 0 <= rank < self.size:
            raise CommunicationError(f"there is no rank {rank}; ranks are 0 to {self.size - 1}")


def _listed(arrays: Any) -> Sequence[Any]:
    return [arrays] if hasattr(arrays, "dtype") else arrays


def _check_operation(operation: str) -> None:
    if operation not in OPERATIONS:
        raise CommunicationError(f"operation must be one of {OPERATIONS}, got '{operation}'")


def _check_shape(name: str, array: Any, shape: tuple[int, ...]) -> None:
    if tuple(array.shape) != shape:
        raise CommunicationError(f"{name} must have shape {shape}, got {tuple(array.shape)}")
