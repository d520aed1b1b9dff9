"""Processes that compute together: ranks, the store where they meet, and the communicator that joins them.

    communicator = c2.communicate.connect()      # rank, size and store from what started the process
    communicator.allreduce(gradient)             # in place, the sum over all ranks

A communicator comes from a plugin (c2-gloo for CPUs); stores and the environments of launchers are here.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "Communicator", "FileStore", "Job", "MemoryStore", "PrefixStore", "Store", "TCPStore", "connect", "job",
]  # fmt: skip

_HOME = {
    "Communicator": "communicator", "connect": "joining", "FileStore": "file_store", "Job": "environment",
    "MemoryStore": "store", "PrefixStore": "store", "Store": "store", "TCPStore": "tcp_store", "job": "environment",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Each name is imported at first use: sockets and threads are not for every process."""
    from importlib import import_module

    if name not in _HOME:
        raise AttributeError(f"module 'c2.communicate' has no attribute '{name}'")
    return getattr(import_module(f"c2.communicate.{_HOME[name]}"), name)
