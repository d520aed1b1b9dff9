"""Gloo's collectives over TCP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from c2.communicate.communicator import OPERATIONS, Communicator
from c2.communicate.store import TIMEOUT, Store
from c2.errors import CommunicationError
from c2_gloo.address import address_of, share_memory
from c2_gloo.library import StoreLink, gloo, said
from c2_gloo.shared import SharedMemory, wanted

NUMBERS = ("float32", "float64", "int32", "int64", "uint8", "int8", "float16")
KINDS = {np.dtype(name): kind for kind, name in enumerate(NUMBERS)}
LONGEST = 1 << 31  # milliseconds, of a C int


class GlooError(RuntimeError):
    """What Gloo said."""


class GlooCommunicator(Communicator):
    """Ranks joined by Gloo, over TCP, and through shared memory where all are on one machine.

    Calls let go of the interpreter while they wait. Collectives of one communicator run one at a time.
    """

    def __init__(
        self, rank: int, size: int, store: Store, timeout: float, interface: str | None
    ) -> None:
        super().__init__(rank, size, store, timeout)
        self._interface = interface
        self._ffi, self._lib = gloo()
        made, link = self._ffi.new("c2_gloo **"), StoreLink(store)
        handle = self._ffi.new_handle(link)
        host = "" if interface else address_of(store, rank, size, timeout)
        failed = self._lib.c2_gloo_connect(
            rank, size, (interface or "").encode(), host.encode(), _milliseconds(timeout), handle, made
        )  # fmt: skip
        if failed:
            why = link.error or said()
            raise CommunicationError(
                f"rank {rank} of {size}: Gloo could not connect all ranks within {timeout:g} s, from "
                f"{'interface ' + interface if interface else 'address ' + host}: {why}"
            )
        self._gloo: Any = made[0]
        together = wanted() and size > 1 and share_memory(store, rank, size, timeout)
        self._shared = SharedMemory(rank, size, store, timeout) if together else None

    @classmethod
    def open(
        cls,
        rank: int,
        size: int,
        store: Store,
        timeout: float = TIMEOUT,
        interface: str | None = None,
    ) -> GlooCommunicator:
        return cls(rank, size, store, timeout, interface)

    @property
    def transport(self) -> str:
        """What collectives go through: "TCP" or "shared memory"; messages go over TCP."""
        return "shared memory" if self._shared else "TCP"

    def close(self) -> None:
        if self._gloo is not None:
            self._lib.c2_gloo_close(self._gloo)
            self._gloo = None
            if self._shared is not None:
                self._shared.close()

    def _options(self) -> dict[str, Any]:
        return {"interface": self._interface}

    def _allreduce(self, array: Any, operation: str, tag: int, seconds: float) -> None:
        numbers = _numbers(array, operation)
        self._run("allreduce", self._at(array), array.size, *numbers, tag, _milliseconds(seconds))

    def _allgather(self, array: Any, out: Any, tag: int, seconds: float) -> None:
        form = self._at(array), self._at(out), array.nbytes, tag, _milliseconds(seconds)
        self._run("allgather", *form)

    def _broadcast(self, array: Any, root: int, tag: int, seconds: float) -> None:
        form = self._at(array), array.nbytes, root, tag, _milliseconds(seconds)
        self._run("broadcast", *form)

    def _reduce(self, array: Any, root: int, operation: str, tag: int, seconds: float) -> None:
        numbers = _numbers(array, operation)
        form = self._at(array), array.size, *numbers, root, tag, _milliseconds(seconds)
        self._run("reduce", *form)

    def _reduce_scatter(
        self, array: Any, counts: Sequence[int], out: Any, tag: int, seconds: float
    ) -> None:
        parts, ends = self._ffi.new("int[]", list(counts)), (self._at(array), self._at(out))
        numbers = _numbers(array, "sum")
        self._run("reduce_scatter", ends[0], parts, ends[1], *numbers, tag, _milliseconds(seconds))

    def _barrier(self, tag: int, seconds: float) -> None:
        self._run("barrier", tag, _milliseconds(seconds))

    def _send(self, array: Any, to: int, tag: int, seconds: float) -> None:
        self._call("send", self._at(array), array.nbytes, to, tag, _milliseconds(seconds))

    def _receive(self, out: Any, source: int | None, tag: int, seconds: float) -> int:
        sender, rank = self._ffi.new("int *"), -1 if source is None else source
        self._call("receive", self._at(out), out.nbytes, rank, tag, _milliseconds(seconds), sender)
        return int(sender[0])

    def _run(self, name: str, *arguments: Any) -> None:
        if not self._together(name, *arguments):
            self._call(name, *arguments)

    def _together(self, name: str, *arguments: Any) -> bool:
        """Runs a collective through shared memory; False where the ranks have none."""
        if self._shared is None or self._gloo is None:
            return False
        if self._shared.call(name, *arguments):
            raise GlooError(said())
        return True

    def _call(self, name: str, *arguments: Any) -> None:
        if self._gloo is None:
            raise GlooError("the communicator is closed")
        if getattr(self._lib, f"c2_gloo_{name}")(self._gloo, *arguments):
            raise GlooError(said())

    def _at(self, array: Any) -> Any:
        if not array.flags.c_contiguous:
            raise CommunicationError("arrays must be C-contiguous: pass numpy.ascontiguousarray(x)")
        return self._ffi.from_buffer(array)


def _numbers(array: Any, operation: str) -> tuple[int, int]:
    kind = KINDS.get(array.dtype)
    if kind is None:
        raise CommunicationError(f"Gloo adds {', '.join(NUMBERS)}, not {array.dtype}")
    return kind, OPERATIONS.index(operation)


def _milliseconds(seconds: float) -> int:
    return max(1, min(int(seconds * 1000), LONGEST - 1))
