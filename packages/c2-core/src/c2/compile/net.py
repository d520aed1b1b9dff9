"""The compiled net: programs by input shape, made at first use and kept within a bound."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from c2.compile.graph import Graph, build_graph
from c2.compile.passes import PASSES
from c2.compile.precision import precision_of
from c2.compile.program import Program
from c2.compile.tuning.mode import OFF, TIME, Tune, mode_of
from c2.errors import NetError, OutOfMemory, did_you_mean
from c2.execute.arithmetic import Arithmetic
from c2.execute.blob import Blob
from c2.execute.shortage import freed
from c2.execute.simple import check_allowed, check_present, shape_of
from c2.execute.workspace import Workspace
from c2.graph.check import CheckedNet
from c2.graph.infer import infer_net
from c2.place.place import place_net
from c2.registry import Registry

if TYPE_CHECKING:
    from c2.build.progress import Progress

PROGRAMS = 8  # programs kept per net: one per set of input shapes


class CompiledNet:
    """A net that runs as programs. Equal to the simple net within rounding of what was folded.

    It keeps external outputs, what existed before, and the blobs named in `keep`; all others live in the program's
    arena, and fetching one of them is an error that says so.

    Args:
        constants: external inputs whose content will never change, so that passes may compute with them.
        keep: further blobs to keep, as many as are asked for.
        threads: for native kernels; None: $C2_NUM_THREADS, or all cores this process may use.
        runner: "c", "python" or None for the best there is.
        precision: what to compute in; None: the net's argument `precision`, or "fp32".
        tune: True: the kernels that engines offer race on the shapes that come, and the fastest for the whole net are
            used; "cached": those that an earlier race has found, nothing is timed; None: the net's argument `tune`,
            else $C2_TUNE, else engines serve in their order.
        progress: is told how far a race is.
    """

    def __init__(
        self,
        checked: CheckedNet,
        workspace: Workspace,
        registry: Registry,
        *,
        constants: Iterable[str] = (),
        keep: Iterable[str] = (),
        threads: int | None = None,
        runner: str | None = None,
        precision: str | None = None,
        tune: Tune = None,
        progress: Progress | None = None,
    ) -> None:
        self.checked, self.workspace, self.registry = checked, workspace, registry
        check_allowed(checked, workspace)
        check_present(checked, workspace)
        self.constants = frozenset(constants)
        self.keep = frozenset(checked.proto.external_output) | frozenset(keep)
        _check_keep(checked, self.keep)
        self.threads = threads or default_threads()
        self.runner = runner
        self.precision = precision_of(checked.proto, precision, registry)
        self.tune = mode_of(checked.proto, tune)
        self._progress = progress
        self.compiled = 0
        self._programs: OrderedDict[Any, Program] = OrderedDict()
        self._bound: tuple[list[tuple[Blob, Any]], Program] | None = None
        self._lock = threading.RLock()

    @property
    def name(self) -> str:
        return self.checked.name

    def run(self) -> None:
        """Runs the program for the shapes that the inputs have now, compiling it where it is new."""
        with self._lock:
            try:
                self._run()
                return
            except OutOfMemory as error:
                said = str(error)  # and not its traceback, whose frames hold arrays
            raise self._freed(said)

    def _run(self) -> None:
        bound = self._bound
        if bound is None or any(blob.value is not value for blob, value in bound[0]):
            with Arithmetic():  # passes compute with constants
                bound = self._bind()
        bound[1].run()

    def _freed(self, said: str) -> OutOfMemory:
        binders = [stage.binder for p in self._programs.values() for stage in p.stages]
        self._bound = None
        self._programs.clear()
        return freed(said, self.name, self.workspace, binders, self.checked.needs())

    def program(self) -> Program:
        """The program for the shapes that the inputs have now."""
        with self._lock:
            return self._bind()[1]

    def _bind(self) -> tuple[list[tuple[Blob, Any]], Program]:
        self._bound = None
        watch = [(b, b.value) for b in map(self.workspace.blob, self.checked.needs())]
        program = self._known(watch) or self._compile(watch)
        self._programs[_key(watch, program.any_rows)] = program
        while len(self._programs) > PROGRAMS:
            self._programs.popitem(last=False)
        program.bind({b.name: v for b, v in watch if v is not None})
        # What the program overwrites in its own storage keeps its array; anything else is found again next time.
        self._bound = ([(b, v if b.value is v else _CHANGED) for b, v in watch], program)
        return self._bound

    def _known(self, watch: list[tuple[Blob, Any]]) -> Program | None:
        """The program made for these shapes, taken out; whatever the sizes are that a program leaves open."""
        for open_ones in {p.any_rows for p in self._programs.values()}:
            program = self._programs.pop(_key(watch, open_ones), None)
            if program is not None:
                return program
        return None

    def _compile(self, watch: list[tuple[Blob, Any]]) -> Program:
        placed = place_net(self.checked, self.registry, {b.name: b.device for b, _ in watch})
        net = CheckedNet(self.checked.proto, [op.checked for op in placed.ops])
        inferred = infer_net(net, {b.name: shape_of(v) for b, v in watch})
        if inferred.problems:
            raise inferred.problems[0]
        constants = {
            b.name: v if b.device == "CPU" else self.registry.device(b.device).to_numpy(v)
            for b, v in watch
            if b.name in self.constants and hasattr(v, "dtype")
        }
        outside = self.keep | {b.name for b, _ in watch}
        graph = build_graph(inferred.ops, placed.ops, constants, outside)
        graph = run_passes(replace(graph, precision=self.precision))
        private = self._private(graph, outside)
        tuned = self._tuned(graph, private, watch)
        program = Program(graph, private, self.registry, self.threads, self.runner, tuned)
        self.compiled += 1
        return program

    def _tuned(self, graph: Graph, private: Workspace, watch: list[tuple[Blob, Any]]) -> Any:
        """The kernels chosen by measuring, where that is asked for."""
        if self.tune == OFF:
            return None
        from c2.compile.tuning.cache import cache_for
        from c2.compile.tuning.setting import setting_of
        from c2.compile.tuning.tuner import tune

        return tune(
            graph, private, self.registry, self.threads, {b.name: v for b, v in watch if v is not None},
            cache_for(setting_of(self.registry)), may_time=self.tune == TIME, runner=self.runner,
            progress=self._progress,
        )  # fmt: skip

    def _private(self, graph: Graph, outside: frozenset[str]) -> Workspace:
        """A child workspace for what lives inside; what the user may ask for stays where it is."""
        child = self.workspace.child()
        for name in outside:
            self.workspace.blob(name)
        inside = {n for node in graph.nodes for n in node.outputs} - outside
        for name in inside:
            child.own_blob(name)
        for name in (inside | set(graph.gone)) - outside:
            blob = self.workspace.blob(name)
            blob.value = None
            why = graph.gone.get(name, "it lives in the program's arena")
            blob.why_empty = f"net '{self.name}' is compiled: {why}. To fetch it, name it in keep="
        return child


def _key(watch: list[tuple[Blob, Any]], any_rows: frozenset[str]) -> Any:
    """What a program is made for: device, shape and dtype of each blob, without the rows that it leaves open."""
    return any_rows, tuple(
        (b.name, b.device, v.ndim, v.shape[b.name in any_rows :], v.dtype)
        if hasattr(v, "dtype")
        else (b.name, b.device)
        for b, v in watch
    )


class _Changed:
    """Is no value: a blob that is watched for it is always found changed."""


_CHANGED = _Changed()


def run_passes(graph: Graph) -> Graph:
    """The graph after every pass, in order."""
    for one in PASSES:
        graph = one(graph)
    return graph


def default_threads() -> int:
    """$C2_NUM_THREADS, or the cores this process may use."""
    given = os.environ.get("C2_NUM_THREADS")
    if not given:
        return usable_cores()
    if not given.isdecimal() or int(given) == 0:
        raise NetError(f"C2_NUM_THREADS must be a whole number of 1 or more, got {given!r}")
    return int(given)


def usable_cores() -> int:
    """How many cores this process may use; all of the machine where the system does not tell."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _check_keep(checked: CheckedNet, keep: Iterable[str]) -> None:
    known = {n for op in checked.ops for n in (*op.inputs, *op.outputs)} | set(
        checked.proto.external_input
    )
    for name in keep:
        if name not in known:
            near = did_you_mean(name, known)
            raise NetError(f"net '{checked.name}' has no blob '{name}' to keep.{near}")


def explained_passes(program: Program) -> Mapping[str, Any]:
    """What the passes did and what the plan saved, for `c2 explain --passes`."""
    return {
        "precision": program.graph.precision.name,
        "log": list(program.graph.log),
        "arena_bytes": program.plan.size,
        "unshared_bytes": program.plan.unshared,
        "runner": program.runner_kind,
        "tuning": program.tuned.report() if program.tuned else None,
        "stages": [
            {
                "op": s.node.label,
                "outputs": s.node.outputs,
                "native": s.engine,
                "way": s.native.label if s.native else "",
                "declined": s.declined,
                "layouts": [
                    program.layouts[n].name if n in program.layouts else "plain"
                    for n in s.node.outputs
                ],
            }
            for s in program.stages
        ],
    }
