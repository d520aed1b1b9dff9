"""The device OPENCL: what c2 asks of any device, said with pyopencl."""

from __future__ import annotations

from typing import Any

import numpy as np

from c2.errors import DeviceError
from c2.registry import Device
from c2_example_opencl.runtime import Runtime

STRINGS = "strings stay on the CPU: OPENCL has tensors of numbers and bools only"
INSTALL = "install an OpenCL driver, or PoCL, which runs on any CPU: pip install 'pyopencl[pocl]'"


class OpenCLDevice(Device):
    """The device that pyopencl chooses: the first one, or what `PYOPENCL_CTX` names."""

    name = "OPENCL"

    def __init__(self) -> None:
        self._runtime: Runtime | None = None

    def namespace(self) -> Runtime:
        """Memory and programs. Not NumPy's functions: see `supports_portable`."""
        if self._runtime is None:
            self._runtime = Runtime()
        return self._runtime

    def probe(self) -> str | None:
        try:
            runtime = self.namespace()
            double = runtime.kernel(
                "kernel void twice(global REAL *x) { x[get_global_id(0)] *= 2; }",
                "twice",
                np.float32,
            )
            array = self.from_numpy(np.arange(5, dtype=np.float32))
            double(5, array)
            result = self.to_numpy(array)
        except ImportError as error:
            return f"pyopencl cannot be imported: {error}; {INSTALL}"
        except (
            Exception
        ) as error:  # pyopencl's errors have no common base: each means a broken driver
            return f"{type(error).__name__}: {str(error).strip().splitlines()[0]}; {INSTALL}"
        if result.tolist() != [0, 2, 4, 6, 8]:
            return f"a kernel that doubles 0..4 gave {result.tolist()}: the driver is broken"
        return None

    def supports_portable(self, type_: str) -> str | None:
        return "pyopencl's arrays do not have NumPy's functions"

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        return self.namespace().empty(shape, dtype)

    def owns(self, value: Any) -> bool:
        return self._runtime is not None and self._runtime.owns(value)

    def from_numpy(self, array: np.ndarray) -> Any:
        if array.dtype == object:
            raise DeviceError(
                "strings stay on the CPU: OPENCL has tensors of numbers and bools only"
            )
        return self.namespace().to_device(array)

    def to_numpy(self, value: Any) -> np.ndarray:
        return self.namespace().to_host(value)

    def copy_into(self, target: Any, value: Any) -> None:
        if not self.owns(value):
            value = np.ascontiguousarray(value, dtype=target.dtype)
        self.namespace().copy(target, value)

    def synchronize(self) -> None:
        self.namespace().queue.finish()

    def describe(self) -> dict[str, Any]:
        return self.namespace().describe()

    def lacks_double(self) -> bool:
        return not self.namespace().has_double


OPENCL = OpenCLDevice()
