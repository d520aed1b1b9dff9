"""Conv of simple nets by the NNPACK library, as Caffe2's engine NNPACK served it."""

from __future__ import annotations

from typing import Any

import numpy as np

from c2.compile.native import NativeRequest
from c2.compile.net import default_threads
from c2.registry import default, kernel
from c2_nnpack.channels_last import as_nchw, is_nhwc
from c2_nnpack.kernels import aligned_floats, kernels
from c2_nnpack.library import PROVIDER, provider
from c2_nnpack.library_convolution import build, plan


def request_of(specs: tuple[Any, ...], args: dict[str, Any]) -> NativeRequest:
    present = tuple(s for s in specs if s is not None)
    outputs = tuple(s for s in default().schema("Conv").infer_outputs(specs, args, 1) if s)
    request = NativeRequest("Conv", args, present, outputs, (), {}, default_threads())
    return as_nchw(request) if is_nhwc(request) else request


def declines(*specs: Any, **args: Any) -> str | None:
    """Why the library does not serve the convolution; None: it does."""
    if provider() != "library":
        return (
            f"own kernels serve compiled nets only; {PROVIDER}=library has NNPACK's for simple ones"
        )
    planned = plan(request_of(specs, args))
    return planned if isinstance(planned, str) else None


@kernel("Conv", "Conv2D", device="CPU", engine="NNPACK", supports=declines)
class LibraryConv:
    """Built when shapes are known; called with the addresses of arrays."""

    def __init__(self, xp: Any, *specs: Any, **args: Any) -> None:
        request = request_of(specs, args)
        made = build(request)
        assert not isinstance(made, str), made
        self.native, self.shape = made, request.outputs[0].shape or ()
        self.last = args["order"].upper() == "NHWC"
        self.scratch = aligned_floats(-(-made.scratch // 4))
        ffi, _ = kernels()
        self.run = ffi.cast("int (*)(void *, void **)", made.function)

    def __call__(self, *arrays: Any, out: Any = None) -> Any:
        ffi, _ = kernels()
        inputs = [self._as_nchw(a) for a in arrays if a is not None]
        there = out is not None and out.flags.c_contiguous and not self.last
        Y = out if there else np.empty(self.shape, np.float32)
        addresses = [ffi.cast("void *", a.ctypes.data) for a in (*inputs, Y, self.scratch)]
        code = self.run(ffi.cast("void *", self.native.context), ffi.new("void *[]", addresses))
        if code:
            assert self.native.explain
            self.native.explain(code, inputs)
        if there:
            return out
        result = np.moveaxis(Y, 1, -1) if self.last else Y
        if out is None:
            return np.ascontiguousarray(result)
        out[...] = result
        return out

    def _as_nchw(self, array: Any) -> Any:
        """In C order; images and filters of order NHWC with their channels first."""
        moved = np.moveaxis(array, -1, 1) if self.last and array.ndim == 4 else array
        return np.ascontiguousarray(moved)
