"""Quantities as people write them: 10Gbit/s, 50us, 102MB."""

from __future__ import annotations

import re

from c2.errors import FormatError

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
BYTES = {
    "B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30,
}  # fmt: skip
RATES = {
    **{f"{unit}bit/s": factor / 8 for unit, factor in (("k", 1e3), ("M", 1e6), ("G", 1e9))},
    **{f"{unit}/s": factor for unit, factor in BYTES.items()},
}


def parse(text: str, units: dict[str, float], name: str) -> float:
    """The quantity in seconds, bytes or bytes in a second. Raises FormatError with the units that there are."""
    found = re.fullmatch(r"\s*([0-9.]+(?:e-?[0-9]+)?)\s*(\S+)\s*", text)
    try:
        assert found is not None
        value = float(found[1]) * units[found[2]]
    except (AssertionError, ValueError, KeyError):
        value = 0.0
    if value <= 0:
        raise FormatError(
            f"{name} must be a number above 0 and one of {', '.join(units)}, got '{text}'"
        )
    return value


def tell_seconds(seconds: float) -> str:
    """With three digits and the unit that fits."""
    for unit in ("s", "ms", "us"):
        if seconds >= SECONDS[unit]:
            return f"{seconds / SECONDS[unit]:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"
