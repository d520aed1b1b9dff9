"""Memory that the algorithms of libraries work in: one block per device and thread, whose calls follow one another."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_held = threading.local()


def workspace(xp: Any, nbytes: int) -> Any:
    """A CuPy array of so many bytes or more, for calls on this thread's stream of the current GPU."""
    blocks: dict[int, Any] = _held.__dict__.setdefault("blocks", {})
    device = xp.cuda.device.get_device_id()
    if device not in blocks or blocks[device].nbytes < nbytes:
        blocks[device] = xp.empty(max(nbytes, 1), xp.uint8)
    return blocks[device]


@contextmanager
def own_workspace(blocks: dict[int, Any]) -> Iterator[None]:
    """`with` it, this thread's workspaces are these blocks (device id -> block), which it adds to."""
    before = _held.__dict__.setdefault("blocks", {})
    _held.blocks = blocks
    try:
        yield
    finally:
        _held.blocks = before
