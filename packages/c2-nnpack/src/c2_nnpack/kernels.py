"""The C part, loaded at first use."""

from __future__ import annotations

import platform
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from c2.errors import PluginError

ALIGNMENT = 64  # bytes of a cache line
INSTRUCTIONS = {16: "AVX-512", 8: "AVX2 with FMA", 4: f"plain C for {platform.machine()}"}


def check_built() -> None:
    """Raises PluginError with the reason where there is no C part."""
    if find_spec("c2_nnpack._kernels") is None:
        raise PluginError(
            "its C part (c2_nnpack._kernels) was not built. Install a wheel of c2-nnpack, or build it with a C "
            "compiler present"
        )


@cache
def kernels() -> tuple[Any, Any]:
    """cffi's `ffi` and `lib`. Raises PluginError where they were not built."""
    check_built()
    from c2_nnpack._kernels import ffi, lib  # type: ignore[import-not-found]

    return ffi, lib


def vector_lanes() -> int:
    """Floats in the widest vector that this CPU computes with."""
    return int(kernels()[1].c2_lanes())


def aligned_floats(count: int) -> np.ndarray[Any, Any]:
    """An array of float32 that begins with a cache line."""
    memory = np.empty(4 * count + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + 4 * count].view(np.float32)
