"""Lay out: each native kernel says in which layouts it takes and gives blobs; reorders stand only where they differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from c2.compile.graph import Node
from c2.compile.layout import PLAIN, Layout
from c2.compile.native import NativeKernel


class Chosen(Protocol):
    """What serves a node: a native kernel, or (None) a kernel of Python, which knows plain layouts alone."""

    @property
    def node(self) -> Node: ...
    @property
    def native(self) -> NativeKernel | None: ...


C = TypeVar("C", bound=Chosen)
Choose = Callable[[Node, "tuple[Layout, ...] | None"], C]
Unfuse = Callable[[Node], Sequence[Node]]
Reorder = Callable[[Node, str, str, Layout, Layout], "C | None"]


@dataclass(frozen=True)
class LaidOut(Generic[C]):
    """What serves each node, in order, the reorders included; the blobs that are not plain; what was done."""

    chosen: tuple[C, ...]
    layouts: Mapping[str, Layout]
    log: tuple[str, ...]


def lay_out(
    nodes: Sequence[Node],
    fixed: frozenset[str],
    choose: Choose[C],
    unfuse: Unfuse,
    reorder: Reorder[C],
) -> LaidOut[C]:
    """Walks over the nodes once, forwards.

    A kernel is offered its inputs in the layouts in which they were made, and answers with those it wants. Where they
    differ, the blob is reordered; a blob that is wanted in one layout several times is reordered once.

    Args:
        fixed: blobs that others see, or that are memory with several writers; always plain.
        choose: (node, layouts of its inputs) -> what serves it; with None for layouts, plain ones only.
        unfuse: a node with activations -> the same as nodes without any.
        reorder: (node it is for, source, target, their layouts) -> what does that, or None where nothing can.
    """
    walk = _Walk(fixed, choose, unfuse, reorder)
    for node in nodes:
        walk.add(node)
    return LaidOut(tuple(walk.chosen), walk.layouts, tuple(walk.log))


class _Walk(Generic[C]):
    def __init__(
        self, fixed: frozenset[str], choose: Choose[C], unfuse: Unfuse, reorder: Reorder[C]
    ) -> None:
        self.fixed, self.choose, self.unfuse, self.reorder = fixed, choose, unfuse, reorder
        self.chosen: list[C] = []
        self.layouts: dict[str, Layout] = {}
        self.log: list[str] = []
        self._versions: dict[tuple[str, Layout], str] = {}

    def add(self, node: Node) -> None:
        layouts = tuple(self.layouts.get(n, PLAIN) for n in node.inputs)
        updates = bool(set(node.inputs) & set(node.outputs) - self.fixed)  # stays where it is
        made = self.choose(node, None if updates else layouts)
        if made.native is None and node.post:
            for part in self.unfuse(node):
                self.add(part)
            return
        if not self._place(node, made) and made.native is not None:
            made = self.choose(node, None)
            assert self._place(node, made), "plain layouts need no reorder but back to plain"
        self._forget(node.outputs)

    def _place(self, node: Node, made: C) -> bool:
        """Appends it with the reorders before and after; False, and nothing done, where a reorder is missing."""
        native = made.native
        wanted = (native.input_layouts if native else ()) or (PLAIN,) * len(node.inputs)
        given = (native.output_layouts if native else ()) or (PLAIN,) * len(node.outputs)
        before: dict[tuple[str, Layout], tuple[str, C | None]] = {}
        for name, layout in zip(node.inputs, wanted):
            have = self.layouts.get(name, PLAIN)
            if layout != have and (name, layout) not in before:
                before[name, layout] = self._version(node, name, have, layout)
        inner = {
            n: f"{n}|{one.name}"
            for n, one in zip(node.outputs, given)
            if one != PLAIN and n in self.fixed
        }
        after = [
            (n, one, self.reorder(node, inner[n], n, one, PLAIN))
            for n, one in zip(node.outputs, given)
            if n in inner
        ]
        if any(not v for v, _ in before.values()) or any(done is None for _, _, done in after):
            return False
        for (name, layout), (version, done) in before.items():
            if done is not None:
                self._append_reorder(done, name, version, self.layouts.get(name, PLAIN), layout)
        inputs = [before.get((n, one), (n, None))[0] for n, one in zip(node.inputs, wanted)]
        outputs = [inner.get(n, n) for n in node.outputs]
        placed = (
            node.with_names(inputs, outputs)
            if [*inputs, *outputs] != [*node.inputs, *node.outputs]
            else node
        )
        self.chosen.append(made if placed is node else replace(made, node=placed))  # type: ignore[type-var]
        self.layouts.update({n: one for n, one in zip(outputs, given) if one != PLAIN})
        for name, layout, done in after:
            assert done is not None
            self._append_reorder(done, inner[name], name, layout, PLAIN)
        return True

    def _version(self, node: Node, name: str, have: Layout, wanted: Layout) -> tuple[str, C | None]:
        """The name of the blob in the layout wanted, and what makes it where it is not there; "" where nothing can."""
        known = self._versions.get((name, wanted))
        if known is not None:
            return known, None
        version = f"{name}|{wanted.name}"
        done = self.reorder(node, name, version, have, wanted)
        return ("", None) if done is None else (version, done)

    def _append_reorder(
        self, done: C, source: str, target: str, have: Layout, wanted: Layout
    ) -> None:
        self.chosen.append(done)
        self.log.append(f"layout: reorder '{source}' from {have.name} to {wanted.name}")
        if target not in self.fixed:
            self._versions[source, wanted] = target
        if wanted != PLAIN:
            self.layouts[target] = wanted

    def _forget(self, outputs: Sequence[str]) -> None:
        """Versions of what was just written are old; two fixed blobs may be one memory, so those go together."""
        fixed = not self.fixed.isdisjoint(outputs)
        for source, layout in list(self._versions):
            if source in outputs or (fixed and source in self.fixed):
                del self._versions[source, layout]
