"""What the kernels of this package decline, and why: for `supports=`."""

from __future__ import annotations

from typing import Any

from c2.registry import TensorSpec
from c2_example_opencl.device import OPENCL, STRINGS
from c2_example_opencl.runtime import C_NAMES

__all__ = ["STRINGS", "floats", "plain"]

MOST = 2**31 - 1  # kernels count elements in an int


def plain(*specs: TensorSpec, **args: Any) -> str | None:
    """Any dtype, as long as int can count the elements."""
    largest = max((s.size for s in specs), default=0)
    return f"{largest} elements are more than an int counts" if largest > MOST else None


def floats(*specs: TensorSpec, **args: Any) -> str | None:
    """float32, and float64 where the device has it."""
    for spec in specs:
        if spec.dtype.name not in C_NAMES:
            return f"OpenCL kernels are for float32 and float64, not {spec.dtype}"
        if spec.dtype.name == "float64" and OPENCL.lacks_double():
            return "this OpenCL device has no float64"
    return plain(*specs)
