"""The memory budget: how many bytes one net, file or tensor may ask for.

A damaged or hostile file can ask for any size, so every size is checked before anything is allocated.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from c2.errors import MemoryBudgetError

VARIABLE = "C2_MEMORY_BUDGET"
_SHARE = 0.8  # of the machine's memory, where nobody says otherwise
_UNKNOWN_MACHINE = 4 << 30  # bytes, where the system does not tell its memory (Windows)
_CGROUP_LIMITS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)

_budget: int | None = None
_machine_memory: int | None = None


def memory_budget() -> int:
    """The budget in bytes: what `set_memory_budget` set, else C2_MEMORY_BUDGET, else 80 % of RAM."""
    if _budget is not None:
        return _budget
    text = os.environ.get(VARIABLE)
    if text is None:
        return int(machine_memory() * _SHARE)
    if not text.isdecimal():
        raise MemoryBudgetError(f"{VARIABLE} must be a whole number of bytes, got {text!r}")
    return int(text)


def set_memory_budget(nbytes: int | None) -> None:
    """Set the budget of this process in bytes; None goes back to C2_MEMORY_BUDGET or the default."""
    global _budget
    if nbytes is not None and nbytes < 0:
        raise MemoryBudgetError(f"a memory budget must be 0 or more bytes, got {nbytes}")
    _budget = nbytes


def check_budget(nbytes: int, what: str | Callable[[], str], budget: int | None = None) -> None:
    """Refuse what does not fit, before it is allocated.

    Args:
        nbytes: size of `what`.
        what: as the user knows it, for the message: "tensor 'w' float32 (3, 4)"; or what gives that.
        budget: in bytes; `memory_budget()` where None.

    Raises:
        MemoryBudgetError: nbytes is more than the budget.
    """
    limit = memory_budget() if budget is None else budget
    if nbytes > limit:
        named = what if isinstance(what, str) else what()
        raise MemoryBudgetError(
            f"{named} needs {readable(nbytes)}, and the memory budget is {readable(limit)}; nothing was "
            f"allocated. If the size is right, set {VARIABLE} (bytes) or "
            "c2.serialize.budget.set_memory_budget()"
        )


def machine_memory() -> int:
    """Bytes of RAM this process can have: the machine's, or less where its container says so."""
    global _machine_memory
    if _machine_memory is None:
        try:
            found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        except (AttributeError, ValueError, OSError):
            found = _UNKNOWN_MACHINE
        _machine_memory = min([found, *_container_limits()])
    return _machine_memory


def _container_limits() -> list[int]:
    limits = []
    for path in _CGROUP_LIMITS:
        try:
            with open(path) as file:
                text = file.read().strip()
        except OSError:
            continue
        if text.isdecimal():  # else "max"
            limits.append(int(text))
    return limits


def readable(nbytes: int) -> str:
    """`12 bytes`, `3.5 MB`, `20.0 GB`."""
    if nbytes < 1000:
        return f"{nbytes} bytes"
    size = float(nbytes)
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        size /= 1000
        if size < 1000:
            return f"{size:.1f} {unit}"
    return f"{size:.3g} PB"
