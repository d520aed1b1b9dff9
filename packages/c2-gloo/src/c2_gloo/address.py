"""Which of this machine's addresses the other ranks can reach."""

from __future__ import annotations

import socket
import uuid
from pathlib import Path

from c2.communicate.store import Store

LOOPBACK = "127.0.0.1"


def address_of(store: Store, rank: int, size: int, timeout: float) -> str:
    """Loopback where all ranks are on one host, else the address that leads to the other hosts.

    What the host's own name stands for is not asked: on many systems that is loopback too.
    """
    store.set(f"host/{rank}", this_host().encode())
    hosts = {store.get(f"host/{other}", timeout) for other in range(size)}
    return LOOPBACK if len(hosts) == 1 else outward_address()


def share_memory(store: Store, rank: int, size: int, timeout: float) -> bool:
    """Whether all ranks see the same shared memory and each other's process numbers."""
    numbers, memory = Path("/proc/self/ns/pid"), Path("/dev/shm")
    here = "nothing"
    if numbers.exists() and memory.is_dir():
        here = f"{this_host()}/{numbers.stat().st_ino}/{memory.stat().st_dev}"
    store.set(f"memory/{rank}", here.encode())
    places = {store.get(f"memory/{other}", timeout) for other in range(size)}
    return len(places) == 1 and here != "nothing"


def this_host() -> str:
    """A name that processes share who can reach each other by loopback: one kernel and one network namespace."""
    boot, network = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/net")
    if boot.exists() and network.exists():
        return f"{boot.read_text().strip()}/{network.stat().st_ino}"
    return f"{socket.gethostname()}/{uuid.getnode()}"


def outward_address() -> str:
    """This machine's address on the way to others; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(
                ("192.0.2.1", 9)
            )  # an address for documentation, which stands for any other machine
        except OSError:
            return socket.gethostbyname(socket.gethostname())
        return str(probe.getsockname()[0])
