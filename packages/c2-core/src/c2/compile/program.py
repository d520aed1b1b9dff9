"""Program: a net compiled for given shapes. Native calls in a row run as one; Python kernels run between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import length_hint
from typing import Any

import numpy as np

from c2.compile.graph import Graph
from c2.compile.memory import address, cache_aligned
from c2.compile.passes.layout import lay_out
from c2.compile.passes.plan import MemoryPlan, plan_memory
from c2.compile.runner import make_runner
from c2.compile.stage import Decisions, Stage, Stages, is_static
from c2.errors import KernelError
from c2.execute.arithmetic import Arithmetic
from c2.execute.bind import DynamicCall, OpBinder, bytes_of, explained
from c2.execute.blob import Blob
from c2.execute.scope import NetScope
from c2.execute.simple import check_net_budget
from c2.execute.workspace import Workspace
from c2.graph.infer import InferredOp, describe, infer_op
from c2.registry import Registry, TensorSpec
from c2.registry.spec import spec_of


class Program:
    """What a compiled net does for one set of input shapes.

    Attributes:
        graph: the graph after all passes.
        stages: its nodes with their kernels.
        tuned: what was chosen by measuring; None: nothing was to be.
        plan: where the blobs inside live.
        calls: what is run, in order; `native_calls` are those among them that touch nothing but their buffers.
        any_rows: blobs that the net reads and whose first axis may have any size: the program serves all of them.
    """

    def __init__(
        self,
        graph: Graph,
        workspace: Workspace,
        registry: Registry,
        threads: int,
        runner: str | None = None,
        decisions: Decisions | None = None,
    ) -> None:
        self.graph, self.workspace, self.registry = graph, workspace, registry
        self.tuned = decisions
        self.runner_kind, self._runner = "none", runner
        made = Stages(graph, workspace, registry, threads, decisions)
        laid_out = lay_out(graph.nodes, made.fixed, made.choose, made.unfuse, made.reorder)
        self.stages, self.layouts = [made.rebound(s) for s in laid_out.chosen], laid_out.layouts
        made.free_packed()
        self.graph = replace(graph, log=(*graph.log, *laid_out.log))
        nodes = [s.node for s in self.stages]
        native = {k: s.native for k, s in enumerate(self.stages) if s.native}
        self.plan: MemoryPlan = plan_memory(
            nodes, self._inside(), self.layouts, {k: one.slices for k, one in native.items()},
            {k: one.output_slices for k, one in native.items() if one.output_slices},
        )  # fmt: skip
        self.any_rows = self._resizable()
        self._check_budget()
        self._scope = NetScope(stage.binder.device for stage in self.stages)
        self._arena = cache_aligned(self.plan.size)
        self._scratch = cache_aligned(
            max((s.native.scratch for s in self.stages if s.native), default=0)
        )
        self.calls: list[Callable[[], Any]] = []
        self.native_calls: list[Callable[[], Any]] = []
        self.names: list[str] = []
        self._binders: list[
            OpBinder
        ] = []  # of each call; of a row of native calls, the first one's
        self._claims: list[tuple[Blob, Any]] = []
        self._moved: dict[
            Any, Any
        ] = {}  # constants of passes, by name and the device they were put on

    # -- making

    def _resizable(self) -> frozenset[str]:
        """Blobs made outside that are read by native kernels alone which all take any number of rows there."""
        fixed = set(self.graph.constants)
        found: set[str] = set()
        for stage in self.stages:
            free = stage.native.any_rows if stage.native else frozenset()
            for position, name in enumerate(stage.node.inputs):
                (found if position in free else fixed).add(name)
            fixed.update(stage.node.outputs)
        return frozenset(found - fixed)

    def _resize(self, stage: Stage, arrays: Sequence[Any]) -> None:
        """Tells a native kernel the sizes it will meet, once they are known to keep the operator's rules."""
        if stage.native is None or stage.native.resize is None:
            return
        specs = [TensorSpec(a.shape, a.dtype) for a in arrays]
        outputs = infer_op(stage.node.op, specs)
        assert outputs == list(stage.node.output_specs), "any_rows must leave the outputs' shapes"
        stage.native.resize(specs)

    def _check_budget(self) -> None:
        """The arena, and the blobs outside of it, together within the memory budget."""
        outputs = [InferredOp(s.node.op, [], list(s.node.output_specs)) for s in self.stages]
        outside = {
            name: spec
            for stage in self.stages
            for name, spec in zip(stage.node.outputs, stage.node.output_specs)
            if name not in self.plan.offsets
        }
        check_net_budget(self.plan.size + bytes_of(list(outside.values())), outputs)

    def _inside(self) -> frozenset[str]:
        """Blobs that live in the arena: made and read here only, by host kernels that write where they are told."""
        inside: set[str] = set()
        outside: set[str] = set(self.graph.keep) | set(self.graph.constants)
        for stage in self.stages:
            outside.update(n for n in stage.node.inputs if n not in inside)
            for name, spec in zip(stage.node.outputs, stage.node.output_specs):
                known = spec is not None and spec.shape is not None and spec.dtype != object
                if (
                    known
                    and stage.binder.device.name == "CPU"
                    and name not in outside
                    and is_static(stage)
                ):
                    inside.add(name)
                else:
                    outside.add(name)
        return frozenset(inside - outside)

    # -- binding

    def bind(self, external: Mapping[str, Any], *, one_by_one: bool = False) -> None:
        """Fills every array in: `external` holds what the net reads and does not make.

        Native calls in a row become one; `one_by_one` keeps them apart, so that each can be timed.
        """
        elsewhere = {n: v for n, v in external.items() if type(v) is not np.ndarray}
        arrays: dict[str, Any] = {**external, **self.graph.constants, **elsewhere}
        arrays.update(self._arena_views())
        self.calls, self.names, self._binders, self._claims = [], [], [], []
        self.native_calls = []
        row: list[tuple[Stage, list[Any]]] = []
        recorded: list[tuple[Stage, Callable[[], Any]]] = []
        for stage in self.stages:
            if recorded and (one_by_one or not _go_together(recorded[0][0], stage)):
                self._flush_recorded(recorded)
            self._move_constants(stage, arrays)
            ready = [arrays.get(n) for n in stage.node.inputs]
            outputs = self._outputs(stage, arrays) if all(a is not None for a in ready) else None
            if outputs is None:
                self._flush(row)
                self._flush_recorded(recorded)
                self._add_dynamic(stage, ready, arrays)
                continue
            self._resize(stage, ready)
            arrays.update(zip(stage.node.outputs, outputs))
            self._claim(stage, outputs)
            if stage.native is not None and stage.native.launch is None:
                self._flush_recorded(recorded)
                row.append((stage, [*ready, *outputs]))
                if one_by_one:
                    self._flush(row)
                continue
            self._flush(row)
            recorded.append((stage, self._on_arrays(stage, ready, outputs)))
        self._flush(row)
        self._flush_recorded(recorded)

    def _on_arrays(self, stage: Stage, inputs: list[Any], outputs: list[Any]) -> Callable[[], Any]:
        """The call of a stage with its arrays filled in."""
        if stage.native is not None and stage.native.launch is not None:
            return partial(stage.native.launch, [*inputs, *outputs])
        return partial(self._call(stage), *inputs, out=_one_or_all(outputs))

    def _move_constants(self, stage: Stage, arrays: dict[str, Any]) -> None:
        """Puts constants that passes have made where the stage reads them."""
        device = stage.binder.device
        if stage.binder.placed.crosses is not None or device.name == "CPU":
            return
        for name in stage.node.inputs:
            if name in self.graph.constants and not device.owns(arrays[name]):
                if (name, device) not in self._moved:
                    self._moved[name, device] = device.from_numpy(arrays[name])
                arrays[name] = self._moved[name, device]

    def clear_arena(self) -> None:
        """Writes zeros into all blobs inside."""
        self._arena.fill(0)

    def run(self) -> None:
        """Runs every call once, in order."""
        for blob, value in self._claims:
            if blob.value is not value:
                blob.value = value
        if len(self.native_calls) == len(self.calls):
            self._run_calls()
        else:
            with Arithmetic():
                self._run_calls()

    def _run_calls(self) -> None:
        calls = iter(self.calls)
        try:
            with self._scope.entered():
                for call in calls:
                    call()
        except Exception as error:
            binder = self._binders[len(self.calls) - length_hint(calls) - 1]
            held = "   ".join(f"{b!r}" for b in binder.inputs)
            raise explained(binder.op, error, held) from error

    def _arena_views(self) -> dict[str, Any]:
        """Arrays over the arena; blobs in the same place share one, so that NumPy need not ask whether they overlap."""
        views: dict[str, Any] = {}
        shared: dict[Any, Any] = {}
        for stage in self.stages:
            for name, spec in zip(stage.node.outputs, stage.node.output_specs):
                if name in self.plan.offsets and spec is not None and spec.shape is not None:
                    offset, kept = self.plan.offsets[name], self._kept(name, spec)
                    assert kept.shape is not None
                    key = (offset, kept.shape, kept.dtype)
                    if key not in shared:
                        shared[key] = np.ndarray(kept.shape, kept.dtype, self._arena, offset)
                    views[name] = shared[key]
        return views

    def _kept(self, name: str, spec: TensorSpec) -> TensorSpec:
        """What an array over a blob's memory is: as its spec says, or just bytes where it is not plain."""
        layout = self.layouts.get(name)
        return spec if layout is None else TensorSpec((layout.nbytes(spec),), np.dtype(np.uint8))

    def _call(self, stage: Stage) -> Any:
        return stage.binder.make_call(stage.node.input_specs)

    def _outputs(self, stage: Stage, arrays: dict[str, Any]) -> list[Any] | None:
        """The arrays a stage writes, or None where it has to be dynamic."""
        if not is_static(stage):
            return None
        if stage.native is None:
            self._call(stage)
            if not stage.binder.takes_out:
                return None
        inputs = dict(zip(stage.node.inputs, (arrays[n] for n in stage.node.inputs)))
        outputs = []
        for name, spec in zip(stage.node.outputs, stage.node.output_specs):
            assert spec is not None
            assert spec.shape is not None
            candidates = (
                [arrays[name]]
                if name in self.plan.offsets
                else [inputs.get(name), self.workspace.blob(name).value]
            )
            kept = self._kept(name, spec)
            assert kept.shape is not None
            fitting = (a for a in candidates if _matches(a, kept) and stage.binder.device.owns(a))
            found = next(fitting, None)
            outputs.append(stage.binder.allocated(kept, name) if found is None else found)
        return outputs

    def _claim(self, stage: Stage, outputs: list[Any]) -> None:
        for blob, value in zip(stage.binder.outputs, outputs):
            if blob.name not in self.plan.offsets:
                self._claims.append((blob, value))
                blob.value, blob.device = value, stage.binder.device.name

    def _add_dynamic(self, stage: Stage, ready: list[Any], arrays: dict[str, Any]) -> None:
        self._add(DynamicCall(stage.binder, ready), stage)
        for name in stage.node.outputs:
            arrays.pop(name, None)

    def _add(self, call: Callable[[], Any], stage: Stage) -> None:
        self.calls.append(self._scope.call(stage.binder.device, call))
        self.names.append(stage.binder.op.where)
        self._binders.append(stage.binder)

    def _flush_recorded(self, row: list[tuple[Stage, Callable[[], Any]]]) -> None:
        """Makes the calls gathered so far, all of one device, one call where the device can record them."""
        if not row:
            return
        device, calls = row[0][0].binder.device, [call for _, call in row]
        whole = device.record(calls) if len(calls) > 1 else None
        if whole is None:
            for stage, call in row:
                self._add(call, stage)
        else:
            self._add(whole, row[0][0])
            self.names[-1] = f"{len(row)} operators recorded on {device.name}"
        row.clear()

    def _flush(self, row: list[tuple[Stage, list[Any]]]) -> None:
        """Makes the native calls gathered so far one call, which keeps the arrays alive whose addresses it holds."""
        if not row:
            return
        stages = [s for s, _ in row]
        steps = []
        for stage, arrays in row:
            assert stage.native is not None
            addresses = [address(a) for a in arrays]
            if stage.native.scratch:
                addresses.append(address(self._scratch))
            steps.append((stage.native.function, stage.native.context, addresses))
        run, self.runner_kind = make_runner(steps, self._runner)
        alive = [arrays for _, arrays in row]
        self.calls.append(partial(_run_native, run, stages, alive))
        self.native_calls.append(self.calls[-1])
        self.names.append(f"{len(steps)} native calls")
        self._binders.append(stages[0].binder)
        row.clear()


def _go_together(one: Stage, other: Stage) -> bool:
    """Whether a device may record both. Copies from elsewhere are not recorded: they may wait for the other device."""
    devices = {one.binder.device.name, other.binder.device.name}
    return len(devices) == 1 and one.binder.placed.crosses is other.binder.placed.crosses is None


def _run_native(
    run: Callable[[], tuple[int, int]], stages: list[Stage], alive: list[list[Any]]
) -> None:
    failed, code = run()
    if failed >= 0:
        _raise_native(stages[failed], code, alive[failed])


def _raise_native(stage: Stage, code: int, arrays: list[Any]) -> None:
    """The error that a native kernel's code stands for."""
    op = stage.binder.op
    inputs = arrays[: len(stage.node.inputs)]
    if stage.native is not None and stage.native.explain is not None:
        try:
            stage.native.explain(code, inputs)
        except Exception as error:
            raise explained(op, error, describe(op, list(map(spec_of, inputs)))) from error
    raise KernelError(f"{op.where}: the native kernel failed with code {code}")


def _matches(array: Any, spec: TensorSpec) -> bool:
    """Whether an array may be written as a result of that spec."""
    return (
        hasattr(array, "dtype")
        and tuple(array.shape) == spec.shape
        and array.dtype == spec.dtype
        and getattr(getattr(array, "flags", None), "writeable", True)
    )


def _one_or_all(outputs: list[Any]) -> Any:
    return outputs[0] if len(outputs) == 1 else tuple(outputs)
