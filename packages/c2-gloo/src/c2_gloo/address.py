"""Which of this machine's addresses the other ranks can reach."""

from __future__ import annotations

import socket
import struct
import uuid
from collections.abc import Iterator
from pathlib import Path

from c2.communicate.store import Store

LOOPBACK = "127.0.0.1"
ANYWHERE = "192.0.2.1"  # an address for documentation, which stands for any other machine
SIOCGIFADDR = 0x8915  # of Linux: the IPv4 address of an interface


def address_of(store: Store, rank: int, size: int, timeout: float) -> str:
    """Loopback where all ranks are on one host, else the address that leads to the other hosts.

    What the host's own name stands for is not asked: on many systems that is loopback too.
    """
    alone = _all_say(store, "host", this_host(), rank, size, timeout)
    return LOOPBACK if alone else outward_address(store.host)


def share_memory(store: Store, rank: int, size: int, timeout: float) -> bool:
    """Whether all ranks see the same shared memory and each other's process numbers."""
    numbers, memory = Path("/proc/self/ns/pid"), Path("/dev/shm")
    here = ""
    if numbers.exists() and memory.is_dir():
        here = f"{this_host()}/{numbers.stat().st_ino}/{memory.stat().st_dev}"
    return _all_say(store, "memory", here, rank, size, timeout) and bool(here)


def _all_say(store: Store, what: str, own: str, rank: int, size: int, timeout: float) -> bool:
    """Whether all ranks, who call it together, say the same."""
    store.set(f"{what}/{rank}", own.encode())
    return len({store.get(f"{what}/{other}", timeout) for other in range(size)}) == 1


def this_host() -> str:
    """A name that processes share who can reach each other by loopback: one kernel and one network namespace."""
    boot, network = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/net")
    if boot.exists() and network.exists():
        return f"{boot.read_text().strip()}/{network.stat().st_ino}"
    return f"{socket.gethostname()}/{uuid.getnode()}"


def outward_address(toward: str | None = None) -> str:
    """This machine's address on the way to a host that all ranks reach, or to any other machine; nothing is sent."""
    for host in filter(None, (toward, ANYWHERE)):
        address = _source_address(host)
        if address is not None:
            return address
    return next(_interface_addresses(), LOOPBACK)


def _source_address(host: str) -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
        except OSError:
            return None
        address = str(probe.getsockname()[0])
        return None if _loops_back(address) else address


def _interface_addresses() -> Iterator[str]:
    """Those that other machines may reach, where no route says which (two machines on one cable). Linux alone."""
    try:
        from fcntl import ioctl
    except ImportError:
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            try:
                answer = ioctl(probe, SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
            except OSError:
                continue  # it has none
            address = socket.inet_ntoa(answer[20:24])
            if not _loops_back(address):
                yield address


def _loops_back(address: str) -> bool:
    return address.startswith("127.")
