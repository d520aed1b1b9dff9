"""The simple net: all operators in order, every blob kept, buffers reused from run to run."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from operator import length_hint
from typing import TYPE_CHECKING, Any

from c2.errors import MissingBlob, NotAllowed, OutOfMemory
from c2.execute.arithmetic import Arithmetic
from c2.execute.bind import DynamicCall, OpBinder, bytes_of, explained, make_static
from c2.execute.blob import Blob
from c2.execute.scope import NetScope
from c2.execute.shortage import freed
from c2.graph.check import CheckedNet
from c2.graph.infer import InferredOp, infer_net
from c2.place.place import PlacedNet, place_net
from c2.registry import Registry, TensorSpec
from c2.registry.spec import spec_of
from c2.serialize.budget import check_budget

if TYPE_CHECKING:
    from c2.execute.workspace import Workspace


RESTLESS = 2  # changes of a blob's shape after which its readers look at it at every run


class SimpleNet:
    """A net that is ready to run in a workspace. One thread runs it at a time.

    Attributes:
        bound: how often arrays were bound: a steady run binds nothing.
    """

    def __init__(self, checked: CheckedNet, workspace: Workspace, registry: Registry) -> None:
        self.checked, self.workspace, self.registry = checked, workspace, registry
        check_allowed(checked, workspace)
        check_present(checked, workspace)
        self.placed: PlacedNet = place_net(
            checked, registry, {n: workspace.blob(n).device for n in checked.needs()}
        )
        self._scope = NetScope(op.device for op in self.placed.ops)
        self.binders = [OpBinder(op, workspace, registry) for op in self.placed.ops]
        self.bound = 0
        self._lock = threading.RLock()
        self._calls: list[Callable[[], Any]] = []
        self._watch: list[tuple[Blob, Any]] | None = None
        self._claims: list[tuple[Blob, Any]] = []
        self._shapes: dict[str, Any] = {}
        self._changes: Counter[str] = Counter()

    @property
    def name(self) -> str:
        return self.checked.name

    def run(self) -> None:
        """Runs every operator once. Raises the typed error of the operator that failed; the workspace stays usable."""
        with self._lock:
            try:
                with Arithmetic(), self._scope.entered():
                    self._run()
                return
            except OutOfMemory as error:
                said = str(error)  # and not its traceback, whose frames hold arrays
            raise self._freed(said)

    def _run(self) -> None:
        if self._watch is None or any(blob.value is not value for blob, value in self._watch):
            self._bind()
        for blob, value in self._claims:
            if blob.value is not value:
                blob.value = value
        calls = iter(self._calls)
        try:
            for call in calls:
                call()
        except Exception as error:
            index = len(self._calls) - length_hint(calls) - 1
            binder = self.binders[index]
            held = "   ".join(f"{b!r}" for b in binder.inputs)
            raise explained(binder.op, error, held) from error

    def _freed(self, said: str) -> OutOfMemory:
        self._calls, self._claims, self._watch = [], [], None
        return freed(said, self.name, self.workspace, self.binders, self.checked.needs())

    def run_timed(self) -> list[float]:
        """Runs once and gives the seconds of each operator."""
        from time import perf_counter

        with self._lock, Arithmetic(), self._scope.entered():
            if self._watch is None or any(blob.value is not value for blob, value in self._watch):
                self._bind()
            times = []
            for call in self._calls:
                start = perf_counter()
                call()
                times.append(perf_counter() - start)
            return times

    def _bind(self) -> None:
        """Finds every array once: specs first, then the budget, then memory and calls."""
        self._watch = None
        net = self._with_copies()
        watch = [(b, b.value) for b in map(self.workspace.blob, net.needs())]
        inferred = infer_net(net, {b.name: shape_of(v) for b, v in watch})
        if inferred.problems:
            raise inferred.problems[0]
        check_net_budget(sum(bytes_of(op.outputs) for op in inferred.ops), inferred.ops)
        unstable = self._restless(watch)
        while True:
            stable = {
                b.name: v
                for b, v in watch
                if v is not None and hasattr(v, "dtype") and b.name not in unstable
            }
            calls, written = _bind_ops(self.binders, inferred.ops, stable, self._scope)
            moved = {b.name for b, v in watch if b.name in written and stable.get(b.name) is not v}
            if moved <= unstable:
                break
            unstable |= moved
        self._calls = calls
        self._claims = [(b, stable[n]) for n, b in written.items() if n in stable]
        for binder in self.binders:
            for blob in binder.outputs:
                if blob.name in stable:
                    blob.device = binder.device.name
        self._watch = [(b, v) for b, v in watch if b.name not in unstable]
        self.bound += 1

    def _restless(self, watch: list[tuple[Blob, Any]]) -> set[str]:
        """Blobs that come with another shape again and again, such as the indices of a lookup."""
        shapes = {b.name: getattr(v, "shape", None) for b, v in watch}
        self._changes.update(n for n, s in shapes.items() if self._shapes.get(n, s) != s)
        self._shapes = shapes
        return {n for n, count in self._changes.items() if count >= RESTLESS}

    def _with_copies(self) -> CheckedNet:
        """The checked net with the copies that placement added."""
        return CheckedNet(self.checked.proto, [op.checked for op in self.placed.ops])


def _bind_ops(
    binders: list[OpBinder], inferred: list[InferredOp], stable: dict[str, Any], scope: NetScope
) -> tuple[list[Callable[[], Any]], dict[str, Blob]]:
    """Calls of all operators, and the blobs they write. `stable`, name -> the array that stays, is brought up to date.

    A blob that one dynamic operator has written is written by dynamic ones from there on.
    """
    calls: list[Callable[[], Any]] = []
    written: dict[str, Blob] = {}
    dynamic: set[str] = set()
    for binder, op in zip(binders, inferred):
        fixed = [stable.get(n) for n in binder.op.inputs]
        written.update((b.name, b) for b in binder.outputs)
        if dynamic.isdisjoint(binder.op.outputs) and all(a is not None for a in fixed):
            current = [stable.get(b.name, b.value) for b in binder.outputs]
            static = make_static(binder, op.inputs, op.outputs, fixed, current)
            if static is not None:
                stable.update(zip(binder.op.outputs, static[1]))
                calls.append(scope.call(binder.device, static[0]))
                continue
        calls.append(scope.call(binder.device, DynamicCall(binder, fixed)))
        for name in binder.op.outputs:
            stable.pop(name, None)
            dynamic.add(name)
    return calls, written


def shape_of(value: Any) -> TensorSpec | None:
    """The spec without the content: what is bound must not depend on values that the next run may change."""
    spec = spec_of(value)
    return None if spec is None else TensorSpec(spec.shape, spec.dtype)


def check_net_budget(nbytes: int, ops: Sequence[InferredOp]) -> None:
    """Raises MemoryBudgetError, naming the operator that asks for most, where a net needs more than the budget."""

    def told() -> str:
        most = max(ops, key=lambda op: bytes_of(op.outputs))
        net, largest = most.checked.net, ", ".join(map(str, most.outputs))
        return f"net '{net}', most of it for {most.checked.where}: {largest},"

    check_budget(nbytes, told)


def check_allowed(checked: CheckedNet, workspace: Workspace) -> None:
    """Raises NotAllowed for an operator that touches what the workspace does not allow."""
    for op in checked.ops:
        if op.schema.allow is not None and op.schema.allow not in workspace.allow:
            raise NotAllowed(
                f"{op.where}: {op.type} touches {op.schema.allow}, which this workspace does not allow. "
                f"Where you trust the net: Workspace(allow=['{op.schema.allow}'])"
            )


def check_present(checked: CheckedNet, workspace: Workspace) -> None:
    """Raises MissingBlob that names all inputs that do not exist."""
    missing = [n for n in checked.needs() if not workspace.has(n)]
    if missing:
        raise MissingBlob(
            f"net '{checked.name}' needs blobs that do not exist: {', '.join(map(repr, missing))}. "
            "Feed them, or run the init net that makes them, first"
        )
