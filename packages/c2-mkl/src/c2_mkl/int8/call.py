"""Native calls on the bytes of 8-bit tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from c2.compile.native import NativeKernel
from c2.errors import KernelError
from c2_mkl.library import OneDNN, onednn, why_not
from c2_mkl.primitive import Array, aligned


class Int8Call:
    """A native kernel of arrays of bytes. Belongs to one operator of one net, which runs in one thread at a time."""

    def __init__(self, library: OneDNN, native: NativeKernel) -> None:
        self.ffi, self.native = library.ffi, native
        self.function = self.ffi.cast("int (*)(void *, void **)", native.function)
        self.context = self.ffi.cast("void *", native.context)
        self.scratch = [aligned(native.scratch)] if native.scratch else []

    def __call__(self, inputs: Sequence[Array], shape: tuple[int, ...]) -> Array:
        """Bytes of that shape."""
        out = np.empty(shape, np.uint8)
        if not out.size:
            return out
        held = [*map(np.ascontiguousarray, inputs), out, *self.scratch]
        buffers = self.ffi.new(
            "void *[]", [self.ffi.cast("void *", one.ctypes.data) for one in held]
        )
        code = self.function(self.context, buffers)
        if code:
            raise KernelError(f"oneDNN failed on 8-bit tensors with code {code}")
        return out


def least_of(zero_point: int, relu: bool) -> int:
    """The smallest byte that a result may be."""
    return max(zero_point, 0) if relu else 0


def why_no_int8(*specs: Any, **args: Any) -> str | None:
    """None where sums of 8-bit products are exact on this CPU, else the reason."""
    reason = why_not()
    if reason is None and not onednn().adds_products_in_32_bits:
        return (
            f"without VNNI oneDNN cuts sums of products off; it uses {onednn().instructions} here"
        )
    return reason
