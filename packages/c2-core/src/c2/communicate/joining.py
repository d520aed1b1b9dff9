"""Joining the ranks of a job: who is here, do they agree, and one communicator for all."""

from __future__ import annotations

import json
from typing import Any

from c2.communicate.alone import Alone
from c2.communicate.communicator import Communicator
from c2.communicate.environment import job
from c2.communicate.store import TIMEOUT, PrefixStore, Store
from c2.errors import CommunicationError, DeadlineError

GLOO = "GLOO"


def connect(
    rank: int | None = None,
    size: int | None = None,
    store: Store | None = None,
    *,
    run_id: str | None = None,
    engine: str = GLOO,
    timeout: float = TIMEOUT,
    interface: str | None = None,
) -> Communicator:
    """A communicator of all ranks; returns when all are there.

    Without rank, size and store these come from whatever started the process: `c2 launch`, mpirun, srun, torchrun, Ray.
    A process that none of them started is a job of one, and a job of one needs no plugin.

    Args:
        run_id: tells this run from others that use the same store. A rank can join a run once.
        engine: which communicator: "GLOO" for CPUs (c2-gloo).
        timeout: seconds, for joining and for each collective.
        interface: of the network to use; None: loopback where all ranks are on one machine, else that which leads to
            the other machines.

    Raises:
        CommunicationError: a rank is missing, was there before, or is of another size of the job; it says which.
        StoreError: the store cannot be reached.
    """
    if size != 1 and (rank is None or size is None or store is None):
        found = job()
        if found is None and rank is None and size is None and store is None:
            return Alone(timeout)
        if found is None:
            raise CommunicationError(
                "nothing says which rank this process is. Start it by c2 launch, mpirun, srun, torchrun or Ray, "
                "or give rank, size and store"
            )
        if size not in (None, found.size):
            raise CommunicationError(
                f"a job of {size} processes is asked for, but {found.launcher} started {found.size}"
            )
        rank, size, run_id = found.rank, found.size, run_id or found.run_id
        store = found.open_store(timeout) if size > 1 else None
    assert size is not None
    rank = rank or 0
    if not 0 <= rank < size:
        raise CommunicationError(f"rank must be from 0 to {size - 1}, got {rank}")
    if size == 1:
        return Alone(timeout)
    assert store is not None
    own = PrefixStore(store, f"run/{run_id or '0'}")
    _join(own, rank, size, timeout)
    try:
        made: Communicator = communicator_class(engine).open(rank, size, own, timeout, interface)
    except DeadlineError as error:
        raise CommunicationError(f"rank {rank} of {size}: connecting all ranks: {error}") from error
    return made


def communicator_class(engine: str) -> Any:
    """The class that an installed plugin offers under this name."""
    from c2.plugins import provided

    offered = provided("communicators")
    if engine not in offered:
        have = ", ".join(sorted(offered)) or "none"
        hint = " Run: pip install c2-gloo" if engine == GLOO else ""
        raise CommunicationError(f"no communicator {engine} is installed; have: {have}.{hint}")
    return offered[engine].load()


def _join(store: Store, rank: int, size: int, timeout: float) -> None:
    """Takes the place of the rank, and waits for all others; they must agree about the size."""
    if store.add(f"joined/{rank}", 1) > 1:
        raise CommunicationError(
            f"{store}: rank {rank} has joined this run before. Two processes have the same rank, or the store holds an "
            "earlier run: give each run an id of its own (C2_RUN_ID, run_id=)"
        )
    store.set(f"here/{rank}", json.dumps({"size": size}).encode())
    missing: list[int] = []
    for other in range(size):
        try:
            said = json.loads(store.get(f"here/{other}", 0.0 if missing else timeout))
        except TimeoutError:
            missing.append(other)
            continue
        if said["size"] != size:
            raise CommunicationError(
                f"{store}: rank {rank} is of a job of {size}, rank {other} of a job of {said['size']}"
            )
    if missing:
        raise CommunicationError(
            f"rank {rank} of {size}: within {timeout:g} s there came no rank {', '.join(map(str, missing))} ({store})"
        )
