"""Program: a net compiled for given shapes. Native calls in a row run as one; Python kernels run between them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import length_hint
from typing import Any

import numpy as np

from c2.compile.graph import Graph, Node
from c2.compile.layout import Layout
from c2.compile.native import NativeKernel, build_native
from c2.compile.passes.layout import lay_out
from c2.compile.passes.plan import ALIGNMENT, MemoryPlan, plan_memory
from c2.compile.runner import make_runner
from c2.errors import KernelError
from c2.execute.bind import DynamicCall, OpBinder, bytes_of, explained
from c2.execute.blob import Blob
from c2.execute.simple import check_net_budget
from c2.execute.workspace import Workspace
from c2.graph.check import CheckedOp
from c2.graph.infer import InferredOp, describe, infer_op
from c2.graph.net import renamed_op
from c2.graph.op import create_op
from c2.registry import Registry, TensorSpec
from c2.registry.spec import spec_of


@dataclass
class Stage:
    """A node made runnable: by a native kernel, or by the kernel that its binder chooses."""

    node: Node
    binder: OpBinder
    native: NativeKernel | None
    engine: str
    declined: list[tuple[str, str]]


class Program:
    """What a compiled net does for one set of input shapes.

    Attributes:
        graph: the graph after all passes.
        stages: its nodes with their kernels.
        plan: where the blobs inside live.
        calls: what is run, in order.
        any_rows: blobs that the net reads and whose first axis may have any size: the program serves all of them.
    """

    def __init__(
        self,
        graph: Graph,
        workspace: Workspace,
        registry: Registry,
        threads: int,
        runner: str | None = None,
    ) -> None:
        self.graph, self.workspace, self.registry = graph, workspace, registry
        self.runner_kind, self._runner = "none", runner
        self._loose: set[str] = set()
        self._packed: tuple[Node | None, list[str]] = None, []
        self._reads = Counter(n for node in graph.nodes for n in node.inputs)
        self._kept_plain = self._fixed()
        self._readers = _readers(graph)
        self.threads = threads
        laid_out = lay_out(graph.nodes, self._kept_plain, self._choose, _unfused, self._reorder)
        self.stages, self.layouts = [self._rebound(s) for s in laid_out.chosen], laid_out.layouts
        self._free_packed()
        self.graph = replace(graph, log=(*graph.log, *laid_out.log))
        nodes = [s.node for s in self.stages]
        native = {k: s.native for k, s in enumerate(self.stages) if s.native}
        self.plan: MemoryPlan = plan_memory(
            nodes, self._inside(), self.layouts, {k: one.slices for k, one in native.items()},
            {k: one.output_slices for k, one in native.items()},
        )  # fmt: skip
        self.any_rows = self._resizable()
        self._check_budget()
        self._arena = _arena(self.plan.size)
        self._scratch = _arena(max((s.native.scratch for s in self.stages if s.native), default=0))
        self.calls: list[Callable[[], Any]] = []
        self.names: list[str] = []
        self._binders: list[
            OpBinder
        ] = []  # of each call; of a row of native calls, the first one's
        self._claims: list[tuple[Blob, Any]] = []

    # -- making

    def _fixed(self) -> frozenset[str]:
        """Blobs that are plain: kept ones, constants, and those that the net does not make or writes several times."""
        writes = Counter(n for node in self.graph.nodes for n in node.outputs)
        read = {n for node in self.graph.nodes for n in node.inputs}
        several = {n for n, count in writes.items() if count > 1}
        return frozenset(
            (read - set(writes)) | several | self.graph.keep | set(self.graph.constants)
        )

    def _choose(self, node: Node, layouts: tuple[Layout, ...] | None) -> Stage:
        """A native kernel for the node, else what its binder chooses.

        A native kernel is given addresses, so it cannot read what only a run tells where it is.
        """
        native, engine = None, ""
        binder = OpBinder(replace(node.home, checked=node.op), self.workspace, self.registry)
        declined = [("native", "an input is found only during the run")]
        if self._loose.isdisjoint(node.inputs):
            self._free_packed(node)
            device, constants = node.home.device.name, self.graph.constants
            native, engine, declined = build_native(
                self.registry, node, constants, device, self.threads, layouts, self.graph.precision,
                binder.rng, self._readers_of(node),
            )  # fmt: skip
        if native is not None:
            stage = Stage(node, binder, native, engine, declined)
            if _is_static(stage):
                self._packed = node, [node.inputs[k] for k in native.packed]
                return stage
            declined = [*declined, (engine, "its outputs are found only during the run")]
        stage = Stage(node, binder, None, "", declined)
        if not node.post and not (self._loose.isdisjoint(node.inputs) and _is_static(stage)):
            self._loose.update(node.outputs)
        return stage

    def _readers_of(self, node: Node) -> tuple[tuple[str, int], ...]:
        """Who reads the first output of a node, where nobody outside of the program does."""
        name = node.outputs[0] if node.outputs else ""
        return () if name in self._kept_plain else tuple(self._readers[name])

    def _free_packed(self, chosen: Node | None = None) -> None:
        """Frees constants that the last node has packed, where nobody else reads them.

        Not while that node is `chosen` again: laying out may do so twice.
        """
        node, names = self._packed
        if node is chosen:
            return
        for name in names:
            if self._reads[name] == 1:
                self.graph.constants[name] = _NOTHING
        self._packed = None, []

    def _rebound(self, stage: Stage) -> Stage:
        """The stage with a binder for the blobs that it has now: laying out may have renamed them."""
        if stage.binder.op is stage.node.op:
            return stage
        home = replace(stage.node.home, checked=stage.node.op)
        return replace(stage, binder=OpBinder(home, self.workspace, self.registry))

    def _reorder(
        self, node: Node, source: str, target: str, have: Layout, wanted: Layout
    ) -> Stage | None:
        """The native call that turns one layout of a blob into another, where a layout offers one."""
        names, specs = (*node.inputs, *node.outputs), (*node.input_specs, *node.output_specs)
        spec = specs[names.index(source if source in names else target)]
        assert spec is not None
        for layout in (have, wanted):
            made = layout.reorder(spec, have, wanted, self.threads) if layout.reorder else ""
            if isinstance(made, NativeKernel):
                copy = _copying(self.registry, node, source, target, spec)
                home = replace(copy.home, checked=copy.op)
                binder = OpBinder(home, self.workspace, self.registry)
                return Stage(copy, binder, made, "reorder", [])
        return None

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
                    and _is_static(stage)
                ):
                    inside.add(name)
                else:
                    outside.add(name)
        return frozenset(inside - outside)

    # -- binding

    def bind(self, external: Mapping[str, Any]) -> None:
        """Fills every array in: `external` holds what the net reads and does not make."""
        arrays: dict[str, Any] = {**external, **self.graph.constants}
        arrays.update(self._arena_views())
        self.calls, self.names, self._binders, self._claims = [], [], [], []
        row: list[tuple[Stage, list[Any]]] = []
        for stage in self.stages:
            ready = [arrays.get(n) for n in stage.node.inputs]
            outputs = self._outputs(stage, arrays) if all(a is not None for a in ready) else None
            if outputs is None:
                self._flush(row)
                self._add_dynamic(stage, ready, arrays)
                continue
            self._resize(stage, ready)
            arrays.update(zip(stage.node.outputs, outputs))
            self._claim(stage, outputs)
            if stage.native is not None:
                row.append((stage, [*ready, *outputs]))
                continue
            self._flush(row)
            self._add(partial(self._call(stage), *ready, out=_one_or_all(outputs)), stage)
        self._flush(row)

    def run(self) -> None:
        """Runs every call once, in order."""
        for blob, value in self._claims:
            if blob.value is not value:
                blob.value = value
        calls = iter(self.calls)
        try:
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
        if not _is_static(stage):
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
            outputs.append(
                stage.binder.device.empty(kept.shape, kept.dtype) if found is None else found
            )
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
        self.calls.append(call)
        self.names.append(stage.binder.op.where)
        self._binders.append(stage.binder)

    def _flush(self, row: list[tuple[Stage, list[Any]]]) -> None:
        """Makes the native calls gathered so far one call, which keeps the arrays alive whose addresses it holds."""
        if not row:
            return
        stages = [s for s, _ in row]
        steps = []
        for stage, arrays in row:
            assert stage.native is not None
            addresses = [_address(a) for a in arrays]
            if stage.native.scratch:
                addresses.append(_address(self._scratch))
            steps.append((stage.native.function, stage.native.context, addresses))
        run, self.runner_kind = make_runner(steps, self._runner)
        alive = [arrays for _, arrays in row]
        self.calls.append(partial(_run_native, run, stages, alive))
        self.names.append(f"{len(steps)} native calls")
        self._binders.append(stages[0].binder)
        row.clear()


def _readers(graph: Graph) -> dict[str, list[tuple[str, int]]]:
    """Who reads each blob: operator types with the position among their inputs."""
    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for node in graph.nodes:
        for position, name in enumerate(node.inputs):
            found[name].append((node.type, position))
    return found


_NOTHING = np.empty(0)


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


def _is_static(stage: Stage) -> bool:
    """Whether its arrays are the same at every run. Inputs that are no tensors (a mutex) have no spec and do not count.

    Where every shape is known before the run, no value that a native kernel reads can change one.
    """
    schema = stage.node.op.schema
    own = len(stage.node.op.inputs)
    tensors = [
        s for k, s in enumerate(stage.node.input_specs) if k >= own or not schema.input(k).blob
    ]
    return (
        bool(stage.node.outputs)
        and all(s is not None and s.shape is not None for s in (*tensors, *stage.node.output_specs))
        and (stage.native is not None or (not stage.binder.reads_values and _takes_out(stage)))
    )


def _takes_out(stage: Stage) -> bool:
    stage.binder.make_call(stage.node.input_specs)
    return stage.binder.takes_out


def _copying(registry: Registry, node: Node, source: str, target: str, spec: TensorSpec) -> Node:
    """A copy of a blob under another name, for what gives it another layout."""
    op = create_op("Copy", [source], [target])
    op.device_option.CopyFrom(node.op.op.device_option)
    checked = CheckedOp(node.op.net, node.op.index, op, registry.schema("Copy"), {})
    return Node(checked, (spec,), (spec,), node.home)


def _unfused(node: Node) -> list[Node]:
    """A node and its activations one by one, each in place on the output where its operator admits that."""
    names = [node.outputs[0]]
    for k, post in reversed(list(enumerate(node.post))):
        in_place = (0, 0) in post.schema.inplace_pairs
        names.insert(0, names[0] if in_place else f"{node.outputs[0]}|{k}")
    spec = node.output_specs[0]
    alone = [
        Node(_between(p, *names[k : k + 2]), (spec,) * len(p.inputs), (spec,), node.home)
        for k, p in enumerate(node.post)
    ]
    own = node.input_specs[: len(node.op.inputs)]
    bare = _between(node.op, None, names[0])
    return [replace(node, op=bare, input_specs=own, post=(), extra=()), *alone]


def _between(op: CheckedOp, first_input: str | None, output: str) -> CheckedOp:
    """The operator with other blobs as its first input, where told, and its first output."""
    copy = renamed_op(op.op, {})
    copy.output[0] = output
    if first_input is not None:
        copy.input[0] = first_input
    return replace(op, op=copy)


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


def _address(array: np.ndarray[Any, Any]) -> int:
    assert array.flags.c_contiguous, (
        "a native kernel is given an address: elements must follow one another"
    )
    return int(array.__array_interface__["data"][0])


def _arena(nbytes: int) -> np.ndarray[Any, Any]:
    """Uninitialised bytes that start on a cache line."""
    raw = np.empty(nbytes + ALIGNMENT, np.uint8)
    start = -_address(raw) % ALIGNMENT
    return raw[start : start + nbytes]
