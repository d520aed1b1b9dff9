"""The device CUDA: what c2 asks of any device, said with CuPy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from c2.errors import DeviceError
from c2.registry import Device
from c2_cuda.graph import Recording
from c2_cuda.library import cupy, version
from c2_cuda.probing import explained, why_not
from c2_cuda.random import Generator
from c2_cuda.scope import Scope
from c2_cuda.transfer import from_host, from_peer, page_locked

STRINGS = "strings stay on the CPU: a GPU has tensors of numbers and bools only"
TWICE = 'extern "C" __global__ void twice(float *x) { x[threadIdx.x] *= 2; }'


class CUDADevice(Device):
    """One GPU. `CUDA` is the first one, id 0; `CUDA.at(1)` the next. All share the process and CuPy's memory pool.

    Attributes:
        number: CUDA's id of the GPU, as CUDA_VISIBLE_DEVICES numbers them.
    """

    def __init__(self, number: int = 0, siblings: dict[int, CUDADevice] | None = None) -> None:
        self.name = "CUDA" if number == 0 else f"CUDA:{number}"
        self.number = number
        self._siblings = {} if siblings is None else siblings
        self._siblings[number] = self
        self._scope = Scope(number)
        self._generators = threading.local()
        self._lock = threading.Lock()

    def at(self, number: int) -> CUDADevice:
        """The GPU with that id, the same object each time."""
        with self._lock:
            if number not in self._siblings:
                self._siblings[number] = CUDADevice(number, self._siblings)
                self._siblings[number]._lock = self._lock
                self._siblings[number].source = self.source
            return self._siblings[number]

    def probe(self) -> str | None:
        """Runs a kernel of its own, made by NVRTC, which CuPy's kernels need too."""
        reason = why_not(self.number)
        if reason is not None:
            return reason
        try:
            with self.scope():
                array = self.from_numpy(np.arange(5, dtype=np.float32))
                cupy().RawKernel(TWICE, "twice")((1,), (5,), (array,))
                result = self.to_numpy(array)
        except Exception as error:  # CUDA's and CuPy's errors have no common base
            return explained(error, self.number)
        if result.tolist() != [0, 2, 4, 6, 8]:
            return f"a kernel that doubles 0..4 gave {result.tolist()}: the driver is broken"
        return None

    def namespace(self) -> Any:
        """The module cupy, which computes on the GPU of the scope that was entered."""
        return cupy()

    def scope(self) -> Scope:
        """The GPU and this thread's stream as the current ones of CuPy and of CUDA's runtime."""
        return self._scope

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        """An array with any content. Raises MemoryError where the GPU has no room, DeviceError for strings."""
        self._check_dtype(np.dtype(dtype))
        with self._scope:
            return cupy().empty(shape, dtype)

    def host_empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray[Any, Any]:
        """An array of the host in page-locked memory, with any content, from which feeding is fastest."""
        with self._scope:
            return page_locked(shape, dtype)

    def owns(self, value: Any) -> bool:
        return _is_gpu_array(value) and value.device.id == self.number

    def from_numpy(self, array: np.ndarray[Any, Any]) -> Any:
        array = np.asarray(array)
        with self._scope as stream:
            target = self.empty(array.shape, array.dtype)
            from_host(target, array, stream)
            return target

    def to_numpy(self, value: Any) -> np.ndarray[Any, Any]:
        with self._scope:
            result: np.ndarray[Any, Any] = value.get()
            return result

    def copy_into(self, target: Any, value: Any) -> None:
        with self._scope as stream:
            if not target.flags.c_contiguous:
                contiguous = self.empty(target.shape, target.dtype)
                self.copy_into(contiguous, value)
                target[...] = contiguous
            elif not _is_gpu_array(value):
                from_host(target, value, stream)
            elif value.device.id == self.number:
                cupy().copyto(target, value)
            else:
                from_peer(target, value, self._scope, self.at(value.device.id)._scope)

    def record(self, calls: Sequence[Callable[[], Any]]) -> Callable[[], Any]:
        """A CUDA graph of them, captured at their second run."""
        return Recording(calls)

    def reaches(self, other: Device) -> bool:
        """Every other GPU: the driver copies directly where the two are linked, else over the host by itself."""
        return isinstance(other, CUDADevice)

    def random(self, seed: int | None) -> Any:
        """A generator on the GPU, to be used in the scope; without a seed each thread has its own."""
        return Generator(seed, self._generators)

    def synchronize(self) -> None:
        with self._scope as stream:
            stream.synchronize()

    def release(self) -> None:
        """Gives the free blocks of CuPy's pool back to the GPU, where other processes can have them."""
        with self._scope:
            cupy().get_default_memory_pool().free_all_blocks()

    def describe(self) -> dict[str, Any]:
        runtime = cupy().cuda.runtime
        facts = runtime.getDeviceProperties(self.number)
        with self._scope:
            free, total = runtime.memGetInfo()
        return {
            "GPU": facts["name"].decode(),
            "compute capability": f"{facts['major']}.{facts['minor']}",
            "memory": f"{total / 2**30:.1f} GiB, {free / 2**30:.1f} free",
            "driver for CUDA": version(runtime.driverGetVersion()),
            "CuPy": f"{cupy().__version__} for CUDA {version(runtime.runtimeGetVersion())}",
            "GPUs": runtime.getDeviceCount(),
        }

    @staticmethod
    def _check_dtype(dtype: np.dtype[Any]) -> None:
        if dtype.hasobject:
            raise DeviceError(STRINGS)


def _is_gpu_array(value: Any) -> bool:
    """Whether it is CuPy's, asked without importing CuPy."""
    return type(value).__module__.partition(".")[0] == "cupy" and hasattr(value, "device")


CUDA = CUDADevice()
