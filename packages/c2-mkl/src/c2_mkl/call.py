"""Native calls out of the functions of the C part: contexts, chains, and how builders decline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial, wraps
from typing import Any

from c2.compile.layout import PLAIN, Layout
from c2.compile.native import NativeKernel, NativeRequest
from c2.registry import native
from c2_mkl.image import is_known
from c2_mkl.library import OneDNN, onednn, why_not, why_not_in

ENGINE = "MKL"
CACHE_LINE = 64
Builder = Callable[[NativeRequest, OneDNN], NativeKernel]
Offer = Callable[[NativeRequest], "NativeKernel | str"]  # what a builder becomes when marked


class Declined(Exception):
    """This request is not for us; the text says why."""


def mkl_native(
    *types: str, any_dtype: bool = False, empty_inputs: bool = False, integers: Sequence[int] = ()
) -> Callable[[Builder], Offer]:
    """Marks a builder of the engine MKL, called with the request and the loaded library.

    It declines by raising Declined; a missing library, other dtypes than float32 and empty tensors are declined here.

    Args:
        integers: positions of inputs that are int32 or int64, or else float32 like all others.
    """

    def decorate(build: Builder) -> Offer:
        return native(*types, engine=ENGINE)(_declining(build, any_dtype, empty_inputs, integers))

    return decorate


def reduced_native(
    *types: str, precisions: Sequence[str] = ("bf16", "int8"), any_dtype: bool = False
) -> Callable[[Builder], Offer]:
    """Marks a builder as `mkl_native` does, for reduced precisions."""

    def decorate(build: Builder) -> Offer:
        builder = _declining(build, any_dtype)
        for one in precisions:
            usable = partial(why_not_in, one)
            builder = native(*types, engine=ENGINE, precision=one, usable=usable)(builder)
        return builder

    return decorate


def _declining(
    build: Builder, any_dtype: bool, empty_inputs: bool = False, integers: Sequence[int] = ()
) -> Offer:
    """The builder with Declined caught, and with the library as its second argument.

    Layouts of other back ends are taken for the plain one: it is what the kernel then asks for.
    """

    @wraps(build)
    def builder(request: NativeRequest) -> NativeKernel | str:
        reason = why_not() or _unfit(request, any_dtype, empty_inputs, integers)
        if reason is not None:
            return reason
        layouts = request.layouts and tuple(
            one if is_known(one) else PLAIN for one in request.layouts
        )
        try:
            return build(replace(request, layouts=layouts), onednn())
        except Declined as declined:
            return str(declined)

    return builder


def _unfit(
    request: NativeRequest, any_dtype: bool, empty_inputs: bool, integers: Sequence[int]
) -> str | None:
    specs = [*request.inputs, *request.outputs]
    if any(s.size == 0 for s in (request.outputs if empty_inputs else specs)):
        return "empty tensors"
    for position in reversed(integers):
        if position < len(request.inputs) and specs[position].dtype in ("int32", "int64"):
            del specs[position]
    if not any_dtype:
        other = next((s.dtype for s in specs if s.dtype != "float32"), None)
        if other is not None:
            return f"float32 only, not {other}"
    return None


@dataclass(frozen=True)
class Call:
    """A C function (its address) with its context. Buffers are the positions it reads and writes, in its own order."""

    function: Any
    context: Any
    buffers: tuple[int, ...]
    offsets: tuple[int, ...] = ()
    keep: Any = None


@dataclass
class Chain:
    """Calls made one after another as one native kernel.

    Attributes:
        inputs, outputs: how many buffers of each the native kernel gets; the scratch memory follows.
    """

    library: OneDNN
    inputs: int
    outputs: int
    calls: list[Call] = field(default_factory=list)
    scratch: int = 0
    keep: list[Any] = field(default_factory=list)
    packed: list[int] = field(default_factory=list)

    @property
    def scratch_buffer(self) -> int:
        return self.inputs + self.outputs

    @property
    def output(self) -> int:
        """The position of the first output."""
        return self.inputs

    def reserve(self, nbytes: int) -> int:
        """Room in the scratch memory; returns its offset."""
        offset = self.scratch
        self.scratch += -(-nbytes // CACHE_LINE) * CACHE_LINE
        return offset

    def add(
        self,
        name: str,
        fields: dict[str, Any],
        buffers: Sequence[int],
        offsets: Sequence[int] = (),
        keep: Any = None,
        context: str = "",
    ) -> None:
        """Adds a call of `c2_run_<name>` with a context of type `c2_<name>`, or of another one that is named."""
        made = self.library.ffi.new(f"c2_{context or name} *", fields)
        function = self.library.ffi.addressof(self.library.shim, f"c2_run_{name}")
        self.calls.append(Call(function, made, tuple(buffers), tuple(offsets), keep))

    def kernel(
        self,
        input_layouts: Sequence[Layout] = (),
        output_layouts: Sequence[Layout] = (),
        **more: Any,
    ) -> NativeKernel:
        """The native kernel that does all of it."""
        given = tuple(range(self.inputs + self.outputs + bool(self.scratch)))
        alone = (
            len(self.calls) == 1
            and self.calls[0].buffers == given
            and not any(self.calls[0].offsets)
        )
        function, context = (
            (self.calls[0].function, self.calls[0].context) if alone else self._chained()
        )
        cast = self.library.ffi.cast
        return NativeKernel(
            int(cast("uintptr_t", function)), int(cast("uintptr_t", context)),
            keep=(self.library, context, self.calls, self.keep), scratch=self.scratch, packed=tuple(self.packed),
            input_layouts=tuple(input_layouts), output_layouts=tuple(output_layouts), **more,
        )  # fmt: skip

    def _chained(self) -> tuple[Any, Any]:
        ffi = self.library.ffi
        chain = ffi.new("c2_chain *")
        if len(self.calls) > len(chain.steps):
            raise Declined(f"more than {len(chain.steps)} steps")
        chain.count = len(self.calls)
        for step, call in zip(chain.steps, self.calls):
            step.function = ffi.cast("void *", call.function)
            step.context = ffi.cast("void *", call.context)
            step.count = len(call.buffers)
            step.buffers[0 : len(call.buffers)] = call.buffers
            offsets = call.offsets or (0,) * len(call.buffers)
            step.offsets[0 : len(offsets)] = offsets
        return self.library.shim.c2_run_chain, chain


def chain_of(request: NativeRequest, library: OneDNN) -> Chain:
    return Chain(library, len(request.inputs), len(request.outputs))
