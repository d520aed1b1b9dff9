"""Stages: nodes made runnable, by a native kernel of a back end or by the kernel that placement chooses."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from c2.compile.graph import Graph, Node
from c2.compile.layout import Layout
from c2.compile.native import Asked, NativeKernel, Offer, build_native, build_way
from c2.execute.bind import OpBinder
from c2.execute.workspace import Workspace
from c2.graph.check import CheckedOp
from c2.graph.net import renamed_op
from c2.graph.op import create_op
from c2.registry import Registry, TensorSpec

_NOTHING = np.empty(0)


class Decision(Protocol):
    """What was chosen for a node by measuring.

    Attributes:
        native: with the label of the way; None: the node comes apart, or has no native kernel.
        offered: layouts that were offered to the engine.
        declined: why others are not it.
    """

    @property
    def native(self) -> NativeKernel | None: ...
    @property
    def engine(self) -> str: ...
    @property
    def offered(self) -> tuple[Layout, ...] | None: ...
    @property
    def declined(self) -> list[tuple[str, str]]: ...


class Decisions(Protocol):
    """What was chosen for each node of a graph by measuring."""

    def of(self, node: Node) -> Decision | None:
        """None: nothing was, so the first engine that offers a kernel serves it."""

    def unfuse(self, node: Node) -> list[Node]:
        """As `unfused`, and the same nodes every time."""

    def report(self) -> dict[str, Any]:
        """What was measured, in plain values."""


@dataclass
class Stage:
    """A node made runnable: by a native kernel, or by the kernel that its binder chooses.

    Attributes:
        engine: of the native kernel; "reorder" for what changes a layout.
        seconds: that it takes, where it is one of several to choose from; else 0.
    """

    node: Node
    binder: OpBinder
    native: NativeKernel | None
    engine: str
    declined: list[tuple[str, str]]
    seconds: float = 0.0


class Stages:
    """Makes the stages of a graph, node by node as laying out asks for them.

    Attributes:
        fixed: blobs that are plain.

    Args:
        decisions: what was chosen by measuring; None: the first engine that offers a kernel serves.
    """

    def __init__(
        self,
        graph: Graph,
        workspace: Workspace,
        registry: Registry,
        threads: int,
        decisions: Decisions | None = None,
    ) -> None:
        self.graph, self.workspace = graph, workspace
        self.registry, self.threads = registry, threads
        self._decisions = decisions
        self._loose: set[str] = set()
        self._packed: tuple[Node | None, list[str]] = None, []
        self._reads = Counter(n for node in graph.nodes for n in node.inputs)
        self._readers = _readers(graph)
        self.fixed = self._fixed()

    def _fixed(self) -> frozenset[str]:
        """Blobs that are plain: kept ones, constants, and those that the net does not make or writes several times."""
        writes = Counter(n for node in self.graph.nodes for n in node.outputs)
        read = {n for node in self.graph.nodes for n in node.inputs}
        several = {n for n, count in writes.items() if count > 1}
        return frozenset(
            (read - set(writes)) | several | self.graph.keep | set(self.graph.constants)
        )

    def choose(self, node: Node, layouts: tuple[Layout, ...] | None) -> list[Stage]:
        """The one that serves the node: a native kernel, else what its binder chooses.

        A native kernel is given addresses, so it cannot read what only a run tells where it is.
        """
        offer: Offer | None = None
        binder = self._binder(node)
        declined = [("native", "an input is found only during the run")]
        if not self.reads_loose(node):
            self.free_packed(node)
            offer, declined = self._offer(node, layouts, binder.rng)
        if offer is not None:
            if shapes_known(node):
                self._packed = node, [node.inputs[k] for k in offer.kernel.packed]
                return [Stage(node, binder, offer.kernel, offer.engine, declined)]
            declined = [*declined, (offer.engine, "its outputs are found only during the run")]
        return [self._without_native(node, binder, declined)]

    def asked(self, node: Node, layouts: tuple[Layout, ...] | None, rng: Any) -> Asked:
        """What engines are asked for this node."""
        return Asked(
            self.registry, node, self.graph.constants, node.home.device.name, self.threads, layouts,
            self.graph.precision, rng, self.readers_of(node),
        )  # fmt: skip

    def readers_of(self, node: Node) -> tuple[tuple[str, int], ...]:
        """Who reads the first output of a node, where nobody outside of the program does."""
        name = node.outputs[0] if node.outputs else ""
        return () if name in self.fixed else tuple(self._readers[name])

    def unfuse(self, node: Node) -> list[Node]:
        """A node's parts; those that decisions were made for."""
        return self._decisions.unfuse(node) if self._decisions else unfused(node)

    def _offer(
        self, node: Node, layouts: tuple[Layout, ...] | None, rng: Any
    ) -> tuple[Offer | None, list[tuple[str, str]]]:
        """The kernel that was decided on, else the first that engines offer in their order."""
        decision = self._decisions.of(node) if self._decisions else None
        if decision is not None:
            if decision.native is None:
                return None, decision.declined
            asked = self.asked(node, decision.offered, rng)
            offer = build_way(asked, decision.engine, decision.native.label)
            if offer is not None:
                return offer, decision.declined
        return build_native(self.asked(node, layouts, rng))

    def reads_loose(self, node: Node) -> bool:
        """Whether an input is found only during the run."""
        return not self._loose.isdisjoint(node.inputs)

    def without_native(self, node: Node) -> None:
        """Says that the node is served by the kernel that its binder chooses."""
        self._without_native(node, self._binder(node), [])

    def _without_native(
        self, node: Node, binder: OpBinder, declined: list[tuple[str, str]]
    ) -> Stage:
        stage = Stage(node, binder, None, "", declined)
        if not node.post and (self.reads_loose(node) or not is_static(stage)):
            self._loose.update(node.outputs)
        return stage

    def rebound(self, stage: Stage) -> Stage:
        """The stage with a binder for the blobs that it has now: laying out may have renamed them."""
        if stage.binder.op is stage.node.op:
            return stage
        return replace(stage, binder=self._binder(stage.node))

    def reorder(
        self, node: Node, source: str, target: str, have: Layout, wanted: Layout
    ) -> Stage | None:
        """The native call that turns one layout of a blob into another, where a layout offers one."""
        spec = spec_in(node, source, target)
        made = build_reorder(spec, have, wanted, self.threads)
        if made is None:
            return None
        copy = _copying(self.registry, node, source, target, spec)
        return Stage(copy, self._binder(copy), made, "reorder", [])

    def free_packed(self, chosen: Node | None = None) -> None:
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

    def _binder(self, node: Node) -> OpBinder:
        return OpBinder(replace(node.home, checked=node.op), self.workspace, self.registry)


def _readers(graph: Graph) -> dict[str, list[tuple[str, int]]]:
    """Who reads each blob: operator types with the position among their inputs."""
    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for node in graph.nodes:
        for position, name in enumerate(node.inputs):
            found[name].append((node.type, position))
    return found


def build_reorder(
    spec: TensorSpec, have: Layout, wanted: Layout, threads: int
) -> NativeKernel | None:
    """The native call between two layouts, where one of them offers it."""
    for layout in (have, wanted):
        made = layout.reorder(spec, have, wanted, threads) if layout.reorder else ""
        if isinstance(made, NativeKernel):
            return made
    return None


def spec_in(node: Node, *names: str) -> TensorSpec:
    """The spec that a node has for the first of the names that it knows."""
    blobs, specs = (*node.inputs, *node.outputs), (*node.input_specs, *node.output_specs)
    spec = specs[next(blobs.index(n) for n in names if n in blobs)]
    assert spec is not None
    return spec


def is_static(stage: Stage) -> bool:
    """Whether its arrays are the same at every run."""
    return shapes_known(stage.node) and (
        stage.native is not None or (not stage.binder.reads_values and _takes_out(stage))
    )


def shapes_known(node: Node) -> bool:
    """Whether every shape is known before the run; then no value that a native kernel reads can change one.

    Inputs that are no tensors (a mutex) have no spec and do not count.
    """
    schema, own = node.op.schema, len(node.op.inputs)
    tensors = [s for k, s in enumerate(node.input_specs) if k >= own or not schema.input(k).blob]
    return bool(node.outputs) and all(
        s is not None and s.shape is not None for s in (*tensors, *node.output_specs)
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


def unfused(node: Node) -> list[Node]:
    """A node and its activations one by one. Each writes a blob of its own, which may have a layout of its own."""
    names = [*(f"{node.outputs[0]}|{k}" for k in range(len(node.post))), node.outputs[0]]
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
