"""Conv of simple nets by the NNPACK library, as Caffe2's engine NNPACK served it."""

from __future__ import annotations

from typing import Any

import numpy as np

from c2.compile.native import NativeRequest
from c2.compile.net import default_threads
from c2.registry import default, kernel
from c2_nnpack.kernels import aligned_floats, kernels
from c2_nnpack.library import PROVIDER, provider
from c2_nnpack.library_convolution import build, plan


def request_of(specs: tuple[Any, ...], args: dict[str, Any]) -> NativeRequest:
    present = tuple(s for s in specs if s is not None)
    outputs = tuple(s for s in default().schema("Conv").infer_outputs(specs, args, 1) if s)
    return NativeRequest("Conv", args, present, outputs, (), {}, default_threads())


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
        self.scratch = aligned_floats(-(-made.scratch // 4))
        ffi, _ = kernels()
        self.run = ffi.cast("int (*)(void *, void **)", made.function)

    def __call__(self, *arrays: Any, out: Any = None) -> Any:
        ffi, _ = kernels()
        inputs = [np.ascontiguousarray(a) for a in arrays if a is not None]
        Y = np.empty(self.shape, np.float32) if out is None or not out.flags.c_contiguous else out
        addresses = [ffi.cast("void *", a.ctypes.data) for a in (*inputs, Y, self.scratch)]
        code = self.run(ffi.cast("void *", self.native.context), ffi.new("void *[]", addresses))
        if code:
            assert self.native.explain
            self.native.explain(code, inputs)
        if out is not None and Y is not out:
            out[...] = Y
            return out
        return Y
