"""CuPy, imported at first use: importing c2_cuda loads no library and opens no driver."""

from __future__ import annotations

from importlib import import_module
from typing import Any

OLDEST_DRIVER = {12: "525", 13: "580"}  # CUDA's major version -> first driver for Linux with it


def cupy() -> Any:
    """The module cupy. Raises ImportError."""
    return import_module("cupy")


def version(number: int) -> str:
    """CUDA's number of a version in words: "12.9" of 12090."""
    return f"{number // 1000}.{number % 1000 // 10}"
