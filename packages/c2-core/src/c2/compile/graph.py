"""The graph that passes work on: operators with specs, every blob written once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from c2.compile.precision import IN_FULL, Precision
from c2.graph.check import CheckedOp
from c2.graph.infer import InferredOp
from c2.graph.net import renamed_op
from c2.place.place import PlacedOp
from c2.registry import TensorSpec


@dataclass(frozen=True)
class Node:
    """An operator with the specs of its blobs and its device (`home`).

    `post` are operators that were fused into it, to be done to its first output. `extra` are further blobs that they
    read; their specs stand behind those of the operator's own inputs.
    """

    op: CheckedOp
    input_specs: tuple[TensorSpec | None, ...]
    output_specs: tuple[TensorSpec | None, ...]
    home: PlacedOp
    post: tuple[CheckedOp, ...] = ()
    extra: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        return self.op.type

    @property
    def inputs(self) -> list[str]:
        return [*self.op.inputs, *self.extra]

    @property
    def outputs(self) -> list[str]:
        return self.op.outputs

    @property
    def label(self) -> str:
        return "+".join([self.type, *(p.type for p in self.post)])

    def with_blobs(self, rename: Mapping[str, str]) -> Node:
        """The node with blobs renamed."""
        extra = tuple(rename.get(n, n) for n in self.extra)
        return replace(self, op=replace(self.op, op=renamed_op(self.op.op, rename)), extra=extra)

    def with_names(self, inputs: list[str], outputs: list[str]) -> Node:
        """The node with other blobs as its inputs (those of `extra` too) and outputs."""
        own = len(self.op.inputs)
        op = renamed_op(self.op.op, {})
        op.input[:], op.output[:] = inputs[:own], outputs
        return replace(self, op=replace(self.op, op=op), extra=tuple(inputs[own:]))


@dataclass(frozen=True)
class Graph:
    """Nodes in order.

    Attributes:
        constants: blobs whose content never changes while the program lives; passes may compute with them, and the
            program that is made of the graph takes those out that its kernels have packed.
        keep: blobs that must come out under their names; all others may vanish.
        gone: blobs that passes took away, with the reason that a later fetch is told.
        precision: what its kernels are to compute in.
        log: what each pass did, for `c2 explain --passes`.
    """

    nodes: tuple[Node, ...]
    constants: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    keep: frozenset[str] = frozenset()
    gone: Mapping[str, str] = field(default_factory=dict)
    precision: Precision = IN_FULL
    log: tuple[str, ...] = ()

    def readers(self) -> Counter[str]:
        """How many inputs read each blob; a kept blob has one reader more: the user."""
        return self._readers

    def maker(self) -> dict[str, int]:
        """Position of the node that writes each blob."""
        return self._maker

    @cached_property
    def _readers(self) -> Counter[str]:
        counts = Counter(name for node in self.nodes for name in node.inputs)
        counts.update(self.keep)
        return counts

    @cached_property
    def _maker(self) -> dict[str, int]:
        return {name: k for k, node in enumerate(self.nodes) for name in node.outputs}

    def may_move(self, position: int, earlier: int) -> bool:
        """Whether a node may write its outputs at an earlier position: nothing from there on reads or writes them.

        A blob that is memory, not a value, may be written several times.
        """
        outputs = set(self.nodes[position].outputs)
        between = self.nodes[earlier:position]
        return earlier < position and all(
            outputs.isdisjoint((*node.inputs, *node.outputs)) for node in between
        )

    def logged(self, line: str) -> Graph:
        return replace(self, log=(*self.log, line))


Pass = Callable[[Graph], Graph]


def build_graph(
    ops: Iterable[InferredOp],
    placed: Iterable[PlacedOp],
    constants: Mapping[str, np.ndarray[Any, Any]],
    keep: Iterable[str],
) -> Graph:
    """The graph of an inferred net, in a form where every blob that the net makes is written once.

    A blob that is written several times keeps its name for the last version; earlier ones become `name@1`, ... A blob
    that exists before the net runs and is updated by it, or that shares its memory with another (Alias), keeps its
    name throughout: it is memory, not a value.
    """
    listed = list(ops)
    made: set[str] = set()
    external: set[str] = set()
    writes: Counter[str] = Counter()
    for op in listed:
        external.update(n for n in op.checked.inputs if n not in made)
        made.update(op.checked.outputs)
        writes.update(set(op.checked.outputs))
    memory = external | _shared(listed)
    seen: Counter[str] = Counter()
    current: dict[str, str] = {}
    nodes = []
    for op, home in zip(listed, placed):
        inputs = [current.get(n, n) for n in op.checked.inputs]
        for name in set(op.checked.outputs) - memory:
            seen[name] += 1
            current[name] = name if seen[name] == writes[name] else f"{name}@{seen[name]}"
        outputs = [current.get(n, n) for n in op.checked.outputs]
        nodes.append(_node(op, home, inputs, outputs))
    constant = {n: v for n, v in constants.items() if n in external and n not in made}
    return Graph(tuple(nodes), constant, (frozenset(keep) | _shared(listed)) & made)


def _shared(ops: Iterable[InferredOp]) -> set[str]:
    """Blobs that are one memory with another."""
    sharing = [op.checked for op in ops if op.checked.schema.shares]
    return {name for op in sharing for name in (op.inputs[0], op.outputs[0])}


def _node(op: InferredOp, home: PlacedOp, inputs: list[str], outputs: list[str]) -> Node:
    copy = type(op.checked.op)()
    copy.CopyFrom(op.checked.op)
    copy.input[:] = inputs
    copy.output[:] = outputs
    return Node(replace(op.checked, op=copy), tuple(op.inputs), tuple(op.outputs), home)


def same_device(a: Node, b: Node) -> bool:
    """Whether two nodes ask for one device; seeds, which `set_random_seed` gives to every operator, may differ."""
    options = [type(n.op.op.device_option)() for n in (a, b)]
    for option, node in zip(options, (a, b)):
        option.CopyFrom(node.op.op.device_option)
        option.ClearField("random_seed")
    return bool(options[0] == options[1])


def rewritten(graph: Graph, rewrite: Callable[[Graph, int], Graph | None]) -> Graph:
    """The graph after a rewrite at each position in turn, again at the same one for as long as it gives a new graph."""
    position = 0
    while position < len(graph.nodes):
        done = rewrite(graph, position)
        if done is None:
            position += 1
        else:
            graph = done
    return graph


def without(graph: Graph, positions: Iterable[int]) -> tuple[Node, ...]:
    """The graph's nodes less some."""
    left_out = set(positions)
    return tuple(node for k, node in enumerate(graph.nodes) if k not in left_out)
