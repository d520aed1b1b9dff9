"""Collectives through memory that ranks on one machine share."""

from __future__ import annotations

import os
import uuid
from typing import Any

from c2.communicate.store import Store
from c2.errors import CommunicationError
from c2_gloo.library import gloo, said

# Bytes of each rank exchanged at a time: more leave the caches, with fewer the ranks wait for each other more often.
ROOM = 1 << 20
MOST = 32 << 20  # bytes for all ranks; containers often have 64 MB


class SharedMemory:
    """Of all ranks of a communicator, who call each method together. Raises GlooError.

    Args:
        store: where rank 0 says what the memory is called; the name is gone once all have it.
    """

    def __init__(self, rank: int, size: int, store: Store, timeout: float) -> None:
        self._ffi, self._lib = gloo()
        made = self._ffi.new("c2_shared **")
        if rank:
            name = store.get("shared/name", timeout)
        else:
            name = f"/c2-{uuid.uuid4().hex}".encode()
        room = min(ROOM, MOST // (2 * size))
        if self._lib.c2_shared_open(name, rank, size, room, made):
            raise CommunicationError(f"rank {rank} of {size}: {said()}")
        self._shared: Any = made[0]
        try:
            store.set(f"shared/{rank}", b"")
            if rank == 0:
                store.set("shared/name", name)
                store.wait((f"shared/{other}" for other in range(size)), timeout)
        finally:
            if rank == 0:
                self._lib.c2_shared_forget(name)

    def call(self, name: str, *arguments: Any) -> bool:
        """Runs `c2_shared_<name>`; whether it failed."""
        return bool(getattr(self._lib, f"c2_shared_{name}")(self._shared, *arguments))

    def close(self) -> None:
        self._lib.c2_shared_close(self._shared)


def wanted() -> bool:
    """Whether ranks on one machine may share memory: C2_GLOO_SHARED, 1 unless told."""
    return os.environ.get("C2_GLOO_SHARED", "1") != "0"
