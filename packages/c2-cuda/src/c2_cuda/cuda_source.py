"""CUDA C of this package: compiled by NVRTC for a GPU and a dtype when it is first wanted."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from c2_cuda.library import cupy

THREADS = 256  # of a block
# What an array holds, and what is computed in.
TYPES = {
    "float16": ("__half", "float"),
    "float32": ("float", "float"),
    "float64": ("double", "double"),
}


def options(dtype: Any) -> tuple[str, ...]:
    """What the compiler is told: STORED is the type in memory, REAL the type that is computed in."""
    stored, real = TYPES[np.dtype(dtype).name]
    return (
        "-std=c++17",
        f"-DSTORED={stored}",
        f"-DREAL={real}",
        *(["-DHALF"] if stored == "__half" else []),
    )


def text(name: str) -> str:
    """The text of a `.cu` file."""
    return files("c2_cuda.cu").joinpath(f"{name}.cu").read_text(encoding="utf-8")


@cache
def _kernel(name: str, function: str, dtype: str, device: int) -> Any:
    return cupy().RawModule(code=text(name), options=options(dtype)).get_function(function)


def start(name: str, function: str, dtype: Any, size: int, *args: Any) -> None:
    """Starts a function of `name`.cu with a thread for each of `size` elements, on arrays and NumPy scalars."""
    kernel = _kernel(name, function, np.dtype(dtype).name, cupy().cuda.device.get_device_id())
    kernel((-(-size // THREADS),), (THREADS,), (*args, np.int32(size)))
