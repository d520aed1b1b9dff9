"""Which process of a job this is, as whatever started it says."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from c2.communicate.file_store import FileStore
from c2.communicate.store import TIMEOUT, Store
from c2.communicate.tcp_store import TCPStore
from c2.errors import CommunicationError

# Launcher -> the variables that it sets: rank, size, and what is the same in all processes of one job alone.
LAUNCHERS = {
    "c2 launch": ("C2_RANK", "C2_SIZE", "C2_RUN_ID"),
    "torchrun or Ray": ("RANK", "WORLD_SIZE", "TORCHELASTIC_RUN_ID"),
    "Open MPI": ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "PMIX_NAMESPACE"),
    "MPICH": ("PMI_RANK", "PMI_SIZE", "PMI_KVS"),
    "srun": ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_JOB_ID"),
}
ON_ONE_MACHINE = ("OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "SLURM_NTASKS_PER_NODE")


@dataclass(frozen=True)
class Job:
    """One process of a job.

    Attributes:
        store: where ranks meet: `tcp://host:port`, which rank 0 serves or the launcher, or `file:///folder`.
        run_id: tells this run from all others that use the same store.
        launcher: what started it.
        served: whether the launcher serves the store, so that it outlives rank 0.
    """

    rank: int
    size: int
    store: str
    run_id: str
    launcher: str
    served: bool = False

    def open_store(self, timeout: float = TIMEOUT) -> Store:
        serve = self.rank == 0 and not self.served
        return open_store(self.store, serve=serve, timeout=timeout)


def job(environment: Mapping[str, str] = os.environ) -> Job | None:
    """The job that this process is of; None where it was started alone.

    Raises CommunicationError where a launcher's variables are there but do not say enough.
    """
    for launcher, (rank, size, run) in LAUNCHERS.items():
        if rank in environment and size in environment:
            number, count = (_number(environment, name) for name in (rank, size))
            run_id = environment.get("C2_RUN_ID") or environment.get(run) or "0"
            store = _store(environment, launcher, count, run_id)
            served = environment.get("C2_STORE_SERVED") == "1"
            return Job(number, count, store, run_id, launcher, served)
    return None


def open_store(address: str, serve: bool, timeout: float = TIMEOUT) -> Store:
    """The store at `tcp://host:port` (which this process serves, where `serve` says so) or `file:///folder`."""
    kind, separator, where = address.partition("://")
    host, colon, port = where.rpartition(":")
    if separator and kind == "file" and where:
        return FileStore(where)
    if separator and kind == "tcp" and colon and port.isdecimal():
        return TCPStore(host, int(port), serve, timeout)
    if separator and kind == "redis" and where:
        from c2.communicate.redis_store import RedisStore

        return RedisStore(address, timeout)
    raise CommunicationError(
        f"a store must be tcp://HOST:PORT, file:///FOLDER or redis://HOST:PORT, got '{address}'"
    )


def _store(environment: Mapping[str, str], launcher: str, size: int, run_id: str) -> str:
    given = environment.get("C2_STORE")
    if given:
        return given
    if "MASTER_ADDR" in environment and "MASTER_PORT" in environment:
        # The port itself may be the launcher's: torchrun serves a store of its own there.
        port = _number(environment, "MASTER_PORT") + (launcher == "torchrun or Ray")
        return f"tcp://{environment['MASTER_ADDR']}:{port}"
    if size == 1 or any(environment.get(name) == str(size) for name in ON_ONE_MACHINE):
        user = getattr(os, "getuid", int)()
        return f"file://{Path(tempfile.gettempdir()) / f'c2-{user}-{run_id}'}"
    raise CommunicationError(
        f"{launcher} started {size} processes, but nothing says where they meet. Set C2_STORE in all of them: "
        "tcp://HOST:PORT with the host of rank 0 and a free port, or file:///FOLDER on a file system that all see"
    )


def _number(environment: Mapping[str, str], name: str) -> int:
    text = environment[name]
    if not text.isdecimal():
        raise CommunicationError(f"{name} must be a whole number, got '{text}'")
    return int(text)
