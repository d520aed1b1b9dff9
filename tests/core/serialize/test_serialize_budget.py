from __future__ import annotations

import pytest

from c2.errors import MemoryBudgetError
from c2.serialize.budget import (
    check_budget,
    machine_memory,
    memory_budget,
    readable,
    set_memory_budget,
)


def test_default_is_a_share_of_the_machine():
    assert 1 << 27 < memory_budget() < machine_memory()


def test_environment_then_setting(monkeypatch):
    monkeypatch.setenv("C2_MEMORY_BUDGET", "1000")
    assert memory_budget() == 1000
    set_memory_budget(20)
    assert memory_budget() == 20
    set_memory_budget(None)
    assert memory_budget() == 1000


def test_environment_must_be_a_number(monkeypatch):
    monkeypatch.setenv("C2_MEMORY_BUDGET", "2GB")
    with pytest.raises(
        MemoryBudgetError, match="C2_MEMORY_BUDGET must be a whole number of bytes, got '2GB'"
    ):
        memory_budget()


def test_setting_must_not_be_negative():
    with pytest.raises(MemoryBudgetError, match="0 or more bytes, got -1"):
        set_memory_budget(-1)


def test_error_says_what_how_much_and_what_to_do():
    with pytest.raises(MemoryBudgetError) as error:
        check_budget(20_000_000_000, "tensor 'w' float32 (5, 1000000000)", budget=3_500_000)
    assert str(error.value) == (
        "tensor 'w' float32 (5, 1000000000) needs 20.0 GB, and the memory budget is 3.5 MB; nothing was "
        "allocated. If the size is right, set C2_MEMORY_BUDGET (bytes) or "
        "c2.serialize.budget.set_memory_budget()"
    )


def test_limit_itself_fits_and_description_is_made_on_demand():
    check_budget(10, lambda: 1 / 0, budget=10)
    with pytest.raises(MemoryBudgetError, match=r"^net 'n' needs 11 bytes"):
        check_budget(11, lambda: "net 'n'", budget=10)


def test_readable():
    assert [readable(n) for n in (0, 999, 1500, 10**7, 2 * 10**17)] == [
        "0 bytes",
        "999 bytes",
        "1.5 kB",
        "10.0 MB",
        "200.0 PB",
    ]
