"""The C part, loaded at first use."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from c2.compile.native import NativeKernel
from c2.errors import PluginError
from c2_nnpack.threads import OpenMP, find_openmp

ALIGNMENT = 64  # bytes of a cache line
# What every CPU of this kind has; vectors of 4 floats in plain C for kinds that are not named.
BASE = {"x86_64": "SSE2", "AMD64": "SSE2", "aarch64": "NEON", "arm64": "NEON"}
INSTRUCTIONS = {
    16: "AVX-512", 8: "AVX2 with FMA", 4: BASE.get(platform.machine(), f"plain C for {platform.machine()}"),
}  # fmt: skip
# Values of $C2_NNPACK_INSTRUCTIONS: the widest vectors that may be used, in floats.
LIMITS = {"avx512": 16, "avx2": 8, "base": 4}


def check_built() -> None:
    """Raises PluginError with the reason where there is no C part, or a limit that is none."""
    widest_allowed()
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

    found = openmp()
    if found:
        lib.c2_use_openmp(*(ffi.cast("void *", address) for address in found.addresses))
    return ffi, lib


@cache
def openmp() -> OpenMP | None:
    """The libgomp whose threads the C part uses; None: one thread only."""
    return find_openmp()


def widest_allowed() -> int:
    """Floats in the widest vector that $C2_NNPACK_INSTRUCTIONS allows; all where it is not set."""
    given = os.environ.get("C2_NNPACK_INSTRUCTIONS") or next(iter(LIMITS))
    if given not in LIMITS:
        raise PluginError(
            f"C2_NNPACK_INSTRUCTIONS must be one of {', '.join(LIMITS)}, got {given!r}"
        )
    return LIMITS[given]


def vector_lanes() -> int:
    """Floats in the widest vector that this CPU computes with and that may be used."""
    return min(int(kernels()[1].c2_lanes()), widest_allowed())


def aligned_floats(count: int) -> np.ndarray[Any, Any]:
    """An array of float32 that begins with a cache line."""
    memory = np.empty(4 * count + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + 4 * count].view(np.float32)


def native_call(name: str, fields: dict[str, Any], keep: Any = None, **how: Any) -> NativeKernel:
    """The native kernel `c2_run_{name}`, whose context is a `c2_{name}` of these fields; `how` is NativeKernel's."""
    ffi, lib = kernels()
    context = ffi.new(f"c2_{name} *", fields)
    return NativeKernel(
        int(ffi.cast("uintptr_t", ffi.addressof(lib, f"c2_run_{name}"))),
        int(ffi.cast("uintptr_t", context)), keep=(context, keep), **how,
    )  # fmt: skip
