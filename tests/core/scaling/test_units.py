"""Quantities in words."""

import pytest

from c2.errors import FormatError
from c2.scaling.units import BYTES, RATES, SECONDS, parse, tell_seconds


@pytest.mark.parametrize(
    ("text", "units", "value"),
    [
        ("10Gbit/s", RATES, 1.25e9), ("25 MB/s", RATES, 2.5e7), ("50us", SECONDS, 5e-5), ("1.5e-3 s", SECONDS, 1.5e-3),
        ("102MB", BYTES, 1.02e8), ("1MiB", BYTES, 1 << 20),
    ],
)  # fmt: skip
def test_values(text, units, value):
    assert parse(text, units, "--x") == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "10", "fast", "10Gb", "0us", "-1s", "1.2.3s"])
def test_what_is_none(text):
    with pytest.raises(FormatError, match=r"--x must be a number above 0 and one of s, ms, us"):
        parse(text, SECONDS, "--x")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2.0, "2 s"), (0.0123, "12.3 ms"), (5e-5, "50 us"), (2e-8, "20 ns"), (0, "0 ns")],
)
def test_seconds_told(seconds, text):
    assert tell_seconds(seconds) == text
