"""A thin layer over pyopencl: arrays, copies, compiled programs. Kernels get it as their `xp`."""

from __future__ import annotations

import threading
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

C_NAMES = {"float32": "float", "float64": "double"}


class Runtime:
    """One context with one queue, in which everything runs in the order it was asked for."""

    def __init__(self) -> None:
        import pyopencl
        import pyopencl.array

        self._cl, self._array = pyopencl, pyopencl.array
        self.context = pyopencl.create_some_context(interactive=False)
        self.queue = pyopencl.CommandQueue(self.context)
        self.device = self.context.devices[0]
        self.has_double = "cl_khr_fp64" in self.device.extensions
        self._programs: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        return self._array.empty(self.queue, tuple(shape), np.dtype(dtype))

    def to_device(self, array: np.ndarray) -> Any:
        """A copy of a host array."""
        made = self.empty(array.shape, array.dtype)
        self.copy(made, np.ascontiguousarray(array))
        return made

    def to_host(self, array: Any) -> np.ndarray:
        """A copy of an array of the device, finished when it returns."""
        made = np.empty(array.shape, array.dtype)
        self.copy(made, array)
        return made

    def fill(self, array: Any, value: np.generic) -> None:
        """Writes one value everywhere."""
        if array.size:
            self._cl.enqueue_fill(self.queue, array.base_data, value, array.nbytes)

    def owns(self, value: Any) -> bool:
        return isinstance(value, self._array.Array) and value.context == self.context

    def copy(self, target: Any, source: Any) -> None:
        """Between two arrays of equal size, of the device or (contiguous) of the host; waits for the host's."""
        if target.size and target is not source:
            self._cl.enqueue_copy(self.queue, _memory(target), _memory(source))

    def kernel(self, source: str, name: str, dtype: Any) -> Kernel:
        """A kernel of a program; REAL stands for `dtype` in it."""
        real = C_NAMES[np.dtype(dtype).name]
        with self._lock:
            if (source, real) not in self._programs:
                head = "#pragma OPENCL EXTENSION cl_khr_fp64 : enable\n" if real == "double" else ""
                text = f"{head}typedef {real} REAL;\n{source}"
                self._programs[source, real] = self._cl.Program(self.context, text).build()
        return Kernel(self.queue, self._cl.Kernel(self._programs[source, real], name))

    def describe(self) -> dict[str, Any]:
        device = self.device
        return {
            "platform": f"{device.platform.name} {device.platform.version}",
            "device": device.name,
            "memory": f"{device.global_mem_size / 1e9:.1f} GB",
            "compute units": device.max_compute_units,
            "float64": "yes" if self.has_double else "no",
            "pyopencl": self._cl.VERSION_TEXT,
        }


class Kernel:
    """A kernel that is ready to be called. Not for two threads at a time, as OpenCL keeps the arguments in it."""

    def __init__(self, queue: Any, kernel: Any) -> None:
        self._queue, self._kernel = queue, kernel

    def __call__(self, size: Any, *args: Any, group: Any = None) -> None:
        """Starts `size` work items (a number, or one per axis) on arrays and NumPy scalars; nothing where 0."""
        sizes = size if isinstance(size, tuple) else (size,)
        if all(sizes):
            self._kernel(self._queue, sizes, group, *[_memory(a) for a in args])


def _memory(value: Any) -> Any:
    return value.base_data if hasattr(value, "base_data") else value


@cache
def source(name: str) -> str:
    """The text of an OpenCL program beside this module."""
    return files("c2_example_opencl").joinpath(name).read_text(encoding="utf-8")
