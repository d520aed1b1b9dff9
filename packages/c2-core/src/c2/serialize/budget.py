"""The memory budget: what a model file or a net may ask for before anything is allocated."""

from __future__ import annotations

import os

from c2.errors import MemoryBudgetError

VARIABLE = "C2_MEMORY_BUDGET"


def memory_budget() -> int:
    """Bytes: $C2_MEMORY_BUDGET, or three quarters of the machine's memory."""
    given = os.environ.get(VARIABLE)
    if given is not None:
        return int(given)
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 3 // 4


def check_budget(nbytes: int, what: str) -> None:
    """Raises MemoryBudgetError where `what` would need more bytes than the budget has."""
    budget = memory_budget()
    if nbytes > budget:
        raise MemoryBudgetError(
            f"{what} needs {nbytes:,} bytes, the memory budget is {budget:,}; nothing was allocated. "
            f"Make it smaller, or set {VARIABLE} (bytes)"
        )
