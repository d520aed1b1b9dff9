"""Native kernels as kernels of simple nets: built when shapes are known, called with the addresses of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from c2.compile.native import NativeRequest
from c2.compile.net import default_threads
from c2.errors import KernelError
from c2.registry import TensorSpec, default, kernel
from c2_mkl.call import ENGINE, Offer
from c2_mkl.library import onednn


class SimpleCall:
    """A kernel class of one operator type; subclasses name the type and who offers the native kernel."""

    type = ""
    offer: Offer

    def __init__(self, xp: Any, *specs: Any, n_outputs: int, **args: Any) -> None:
        self.request = request_of(self.type, specs, args, n_outputs)
        made = type(self).offer(self.request)
        assert not isinstance(made, str), made
        self.native, self.any_rows = made, made.any_rows
        self.ffi = onednn().ffi
        self.function = self.ffi.cast("int (*)(void *, void **)", made.function)
        self.context = self.ffi.cast("void *", made.context)
        self.held: tuple[Any, ...] = ()
        self.buffers: Any = None

    def __call__(self, *arrays: Any, out: Any = None) -> Any:
        outputs = self._outputs(out)
        self._point_at((*arrays, *outputs))
        code = self.function(self.context, self.buffers)
        if code:
            if self.native.explain is not None:
                self.native.explain(code, arrays)
            raise KernelError(f"{self.type}: the native kernel failed with code {code}")
        return outputs[0] if len(outputs) == 1 else outputs

    def _outputs(self, out: Any) -> tuple[Any, ...]:
        if out is None:
            return tuple(np.empty(s.shape, s.dtype) for s in self.request.outputs)
        return out if isinstance(out, tuple) else (out,)

    def _point_at(self, arrays: tuple[Any, ...]) -> None:
        """Writes the addresses down, and the sizes that may change, where arrays are not those of the last call."""
        if len(arrays) == len(self.held) and all(a is b for a, b in zip(arrays, self.held)):
            return
        inputs = arrays[: len(self.request.inputs)]
        if self.native.resize is not None:
            self.native.resize([TensorSpec(a.shape, a.dtype) for a in inputs])
        plain = [a if a.flags.c_contiguous else np.ascontiguousarray(a) for a in arrays]
        scratch = [np.empty(self.native.scratch, np.uint8)] if self.native.scratch else []
        addresses = [a.__array_interface__["data"][0] for a in (*plain, *scratch)]
        self.buffers = self.ffi.new("void *[]", [self.ffi.cast("void *", a) for a in addresses])
        copied = any(a is not b for a, b in zip(plain, arrays))
        self.held = () if copied else arrays  # a copy is made anew: what it was made of may change
        self._alive = (plain, scratch)


def request_of(type_: str, specs: Any, args: dict[str, Any], n_outputs: int) -> NativeRequest:
    schema = default().schema(type_)
    bare = tuple(TensorSpec(s.shape, s.dtype) for s in specs if s is not None)
    outputs = tuple(s for s in schema.infer_outputs(specs, args, n_outputs) if s is not None)
    return NativeRequest(type_, args, bare, outputs, (), {}, default_threads())


def simple_kernel(type_: str, offer: Offer, module: str) -> type[SimpleCall]:
    """The kernel class of an operator type, marked for the engine MKL; `module` is where it will stand."""

    def declines(*specs: Any, **args: Any) -> str | None:
        n_outputs = len([t for t in default().schema(type_).outputs if not t.optional])
        made = offer(request_of(type_, specs, args, n_outputs))
        return made if isinstance(made, str) else None

    fields = {"type": type_, "offer": staticmethod(offer), "__module__": module}
    made = type(type_, (SimpleCall,), fields)
    return kernel(type_, device="CPU", engine=ENGINE, supports=declines)(made)
