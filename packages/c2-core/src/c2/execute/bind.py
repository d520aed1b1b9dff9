"""Bind: makes a placed operator a call without arguments.

An operator is *static* where its inputs stay the same arrays from run to run, its kernel takes `out` and its outputs'
shapes are known: its call is the kernel with all arrays filled in, and running it allocates nothing. Else it is
*dynamic*: at every run it takes what its blobs hold, and is specialised again when shapes have changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from c2.errors import C2Error, KernelError, MemoryBudgetError, MissingBlob, OutOfMemory
from c2.execute.blob import Blob
from c2.execute.call import Call, as_results, make_call, require_numbers, specs_of
from c2.graph.check import CheckedOp
from c2.graph.infer import describe, infer_op
from c2.place.choose import Choice, choose_kernel
from c2.place.place import PlacedOp
from c2.registry import Device, Mismatch, Registry, TensorSpec
from c2.registry.memory import has_own_memory
from c2.registry.schema import schema_error
from c2.serialize.budget import check_budget

if TYPE_CHECKING:
    from c2.execute.workspace import Workspace

Specs = Sequence["TensorSpec | None"]


@dataclass(frozen=True)
class OpContext:
    """What an operator about the workspace itself is given (Save, If, queues): all others see arrays only."""

    workspace: Workspace
    op: CheckedOp
    registry: Registry


class OpBinder:
    """Everything about one operator of one runnable net that does not depend on shapes."""

    def __init__(self, placed: PlacedOp, workspace: Workspace, registry: Registry) -> None:
        self.placed, self.op, self.device = placed, placed.checked, placed.device
        self.registry = registry
        self.inputs = [workspace.blob(n) for n in self.op.inputs]
        self.outputs = [workspace.blob(n) for n in self.op.outputs]
        self.context = OpContext(workspace, self.op, registry)
        self.choice: Choice | None = None
        self.reads_values = any(t.name in self.op.schema.values for t in self._present_inputs())
        self._own: dict[int, Any] = {}
        self._call: Call | None = None
        self._call_key: Any = None

    @cached_property
    def rng(self) -> Any:
        """The operator's generator of random numbers, made when a kernel first asks for it."""
        option = self.op.op.device_option
        return self.device.random(option.random_seed if option.HasField("random_seed") else None)

    def made(self) -> list[tuple[str, Any]]:
        """Output blobs with the buffers that were made for them, and maybe not yet put there."""
        return [(self.outputs[k].name, array) for k, array in self._own.items()]

    def forget(self) -> None:
        """Lets go of buffers and of the kernel that was set up."""
        self._own.clear()
        self._call = self._call_key = None

    def _present_inputs(self) -> list[Any]:
        return [self.op.schema.input(k) for k in range(len(self.op.inputs))]

    def make_call(self, specs: Specs) -> Call:
        """The kernel for these specs, chosen and set up; the one of the last time where it serves these too.

        A kernel class that serves any number of rows of an input names its position in `any_rows`.
        """
        if self._call is None or self._call_key != _sizes(specs, self._call):
            try:
                self._call = self._new_call(specs)
                self._call_key = _sizes(specs, self._call)
            except Exception as error:
                raise explained(self.op, error, describe(self.op, specs)) from error
        return self._call

    def _new_call(self, specs: Specs) -> Call:
        if self.placed.crosses is not None:
            return _Crossing(self.placed.crosses, self.device)
        self.choice = choose_kernel(
            self.registry, self.op.type, self.device.name, self.op.op.engine, specs, self.op.args
        )
        kernel, n_outputs = self.choice.kernel, len(self.op.outputs)
        rng = self.rng if kernel.takes_rng else None
        with self.device.scope():
            return make_call(kernel, self.device, specs, self.op.args, n_outputs, rng, self.context)

    @property
    def takes_out(self) -> bool:
        return self.placed.crosses is not None or (
            self.choice is not None and self.choice.kernel.takes_out
        )

    def buffers(
        self, specs: Specs, arrays: Sequence[Any], current: Sequence[Any]
    ) -> tuple[Any, ...]:
        """Where to write outputs of these specs: the input itself in place, what the blob holds, or new memory."""
        return tuple(self._buffer(k, spec, arrays, current[k]) for k, spec in enumerate(specs))

    def _buffer(self, k: int, spec: TensorSpec | None, arrays: Sequence[Any], current: Any) -> Any:
        assert spec is not None
        assert spec.shape is not None
        for name, array in zip(self.op.inputs, arrays):
            if name == self.op.outputs[k] and self._fits(array, spec):
                return array
        for candidate in (current, self._own.get(k)):
            if self._fits(candidate, spec) and not any(candidate is a for a in arrays):
                return candidate
        self._own[k] = self.allocated(spec, self.op.schema.output(k).name)
        return self._own[k]

    def allocated(self, spec: TensorSpec, output: str) -> Any:
        """New memory of the device for an output. Raises OutOfMemory."""
        assert spec.shape is not None
        try:
            return self.device.empty(spec.shape, spec.dtype)
        except MemoryError as error:
            raise explained(self.op, error, f"output {output} {spec}") from error

    def _fits(self, array: Any, spec: TensorSpec) -> bool:
        """Whether an array may serve as a buffer: of the device, of that shape and dtype, with memory of its own."""
        return (
            array is not None
            and self.device.owns(array)
            and tuple(array.shape) == spec.shape
            and array.dtype == spec.dtype
            and has_own_memory(array)
            and getattr(getattr(array, "flags", None), "writeable", True)
        )


def _sizes(specs: Specs, call: Call) -> Any:
    """What a kernel was chosen and set up for."""
    any_rows = getattr(call, "any_rows", ())
    return [
        None
        if s is None
        else (s.dtype, s.shape if k not in any_rows or not s.shape else s.shape[1:])
        for k, s in enumerate(specs)
    ]


def make_static(
    binder: OpBinder, inputs: Specs, outputs: Specs, arrays: Sequence[Any], current: Sequence[Any]
) -> tuple[Callable[[], Any], tuple[Any, ...]] | None:
    """The call of a static operator and its output arrays, or None where the operator must be dynamic."""
    require_numbers(binder.op.where, outputs, binder.device)
    if binder.reads_values or not outputs or any(s is None or s.shape is None for s in outputs):
        return None
    call = binder.make_call(inputs)
    if not binder.takes_out:
        return None
    buffers = binder.buffers(outputs, arrays, current)
    return partial(call, *arrays, out=buffers[0] if len(buffers) == 1 else buffers), buffers


class DynamicCall:
    """The call of an operator whose arrays are found at every run.

    `fixed` holds the arrays of inputs that are the same at every run, None for the others: the blob of a fixed
    input may already hold what a later operator writes.
    """

    def __init__(self, binder: OpBinder, fixed: Sequence[Any]) -> None:
        self.binder = binder
        self.fixed = fixed
        self.key: Any = None
        self.call: Call = _unset
        self.specs: list[TensorSpec | None] = []

    def __call__(self) -> None:
        binder = self.binder
        arrays = [b.value if f is None else f for b, f in zip(binder.inputs, self.fixed)]
        key = [(a.shape, a.dtype) if hasattr(a, "dtype") else None for a in arrays]
        if key != self.key or binder.reads_values:
            self._specialise(arrays, key)
        known = self.specs and all(s is not None and s.shape is not None for s in self.specs)
        if binder.takes_out and known:
            out = binder.buffers(self.specs, arrays, [b.value for b in binder.outputs])
            result = self.call(*arrays, out=out if len(out) > 1 else out[0])
        else:
            result = self.call(*arrays)
        for blob, value in zip(binder.outputs, as_results(result, len(binder.outputs))):
            _store(blob, value, binder, arrays)

    def _specialise(self, arrays: list[Any], key: Any) -> None:
        binder = self.binder
        for array, blob, tensor in zip(arrays, binder.inputs, binder._present_inputs()):
            if array is None and not tensor.blob:
                raise MissingBlob(
                    f"{binder.op.where}: input {tensor.name} '{blob.name}' holds nothing yet. "
                    "Feed it, or run the net that makes it, first"
                )
        specs = specs_of(binder.op.schema, arrays, binder.device)
        self.specs = infer_op(binder.op, specs)
        require_numbers(binder.op.where, self.specs, binder.device)
        check_budget(bytes_of(self.specs), binder.op.where)
        self.call = binder.make_call(specs)
        self.key = key


def _store(blob: Blob, value: Any, binder: OpBinder, arrays: Sequence[Any]) -> None:
    """Puts a result into its blob; in place means into the storage of the input, so that others see it."""
    if isinstance(value, np.generic) or (
        isinstance(value, np.ndarray) and not value.flags.c_contiguous
    ):
        value = np.asarray(value, order="C")
    for name, held in zip(binder.op.inputs, arrays):
        if name == blob.name and value is not held and _may_hold(held, value):
            np.copyto(held, value)
            value = held
    blob.value = value
    blob.device = binder.device.name


def _may_hold(held: Any, value: Any) -> bool:
    return (
        isinstance(held, np.ndarray)
        and isinstance(value, np.ndarray)
        and (held.shape, held.dtype) == (value.shape, value.dtype)
        and held.flags.writeable
    )


class _Crossing:
    """Copies an array of one device to another."""

    def __init__(self, source: Device, target: Device) -> None:
        self.source, self.target = source, target

    def __call__(self, X: Any, *like: Any, out: Any = None) -> Any:
        value = (
            X
            if self.source is self.target
            or self.source.name == "CPU"
            or self.target.reaches(self.source)
            else self.source.to_numpy(X)
        )
        if out is None:
            out = self.target.empty(tuple(value.shape), value.dtype)
        self.target.copy_into(out, value)
        return out


def bytes_of(specs: Specs) -> int:
    """Bytes of the tensors whose shapes are known."""
    return sum(s.nbytes for s in specs if s is not None and s.shape is not None)


def explained(op: CheckedOp, error: Exception, inputs: str) -> C2Error:
    """What a kernel raised, with the operator it belongs to and what it was given."""
    if isinstance(error, MemoryBudgetError) and op.where not in str(error):
        return MemoryBudgetError(f"{op.where}: {error}\n  {inputs}")
    if isinstance(error, C2Error):
        return error
    if isinstance(error, MemoryError):
        return OutOfMemory(f"{op.where}: {error}\n  {inputs}")
    if isinstance(error, Mismatch):  # a rule about values, which only a run can tell
        return schema_error(op.where, error, inputs)
    return KernelError(f"{op.where}: {type(error).__name__}: {error}\n  {inputs}")


def _unset(*arrays: Any) -> Any:
    raise AssertionError("a dynamic call is specialised before it runs")
