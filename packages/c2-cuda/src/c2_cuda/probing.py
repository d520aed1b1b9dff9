"""Why a GPU cannot be used, in words that say what to do: no CuPy, no driver, an old one, no such GPU."""

from __future__ import annotations

import os
from typing import Any

from c2_cuda.library import OLDEST_DRIVER, cupy, version

INSTALL = (
    "install the CuPy of the driver's CUDA, with CUDA's libraries: pip install 'cupy-cuda12x[ctk]' "
    "(driver 525 or newer) or 'cupy-cuda13x[ctk]' (driver 580 or newer)"
)
NVIDIA_DRIVER = "install NVIDIA's driver, version {} or newer"
LIBRARIES = "install CUDA's libraries: pip install 'cupy-cuda{}x[ctk]'"
BUSY = (46, 201)  # cudaErrorDevicesUnavailable, cudaErrorDeviceUninitialized


def why_not(number: int) -> str | None:
    """None where a GPU of that id is there and CuPy could be loaded, else the reason."""
    try:
        module = cupy()
    except ImportError as error:
        return f"CuPy cannot be imported: {first_line(error)}; {INSTALL}"
    return why_no_driver(module.cuda.runtime, f"CuPy {module.__version__}") or why_no_gpu(
        module.cuda.runtime, number
    )


def why_no_driver(runtime: Any, who: str) -> str | None:
    """The reason why there is no driver, or one too old for the CUDA that CuPy was built for."""
    built, driver = runtime.runtimeGetVersion(), runtime.driverGetVersion()
    oldest = OLDEST_DRIVER.get(built // 1000, "of that CUDA")
    if not driver:
        return (
            f"there is no NVIDIA driver: {who} for CUDA {version(built)} found no libcuda; "
            + NVIDIA_DRIVER.format(oldest)
        )
    if driver // 1000 < built // 1000:
        return (
            f"the driver is too old: it knows CUDA up to {version(driver)}, and {who} is for CUDA {version(built)}; "
            f"{NVIDIA_DRIVER.format(oldest)}, or the CuPy of CUDA {driver // 1000}"
        )
    return None


def why_no_gpu(runtime: Any, number: int) -> str | None:
    """The reason why the GPU of that id is not there."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    hint = "" if visible is None else f" (CUDA_VISIBLE_DEVICES={visible!r} hides others)"
    try:
        count = runtime.getDeviceCount()
    except runtime.CUDARuntimeError as error:
        return f"the driver finds no GPU: {first_line(error)}{hint}; look at what nvidia-smi says"
    if number < count:
        return None
    names = [runtime.getDeviceProperties(k)["name"].decode() for k in range(count)]
    have = ", ".join(f"{k} {name}" for k, name in enumerate(names))
    return f"there is no GPU with id {number}: there are {count}: {have}{hint}"


def explained(error: Exception, number: int) -> str:
    """What the error of a first kernel means."""
    said = f"{type(error).__name__}: {first_line(error)}"
    if getattr(error, "status", None) in BUSY:
        return (
            f"GPU {number} is held by another process, in exclusive mode ({said}); "
            f"look at: nvidia-smi -i {number} -q -d COMPUTE"
        )
    if "nvrtc" in said.lower() or isinstance(error, ImportError):
        major = cupy().cuda.runtime.runtimeGetVersion() // 1000
        return f"a CUDA library is absent: {said}; {LIBRARIES.format(major)}"
    return said


def first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
