"""Lay out: each native kernel says in which layouts it takes and gives blobs; reorders stand only where they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

from c2.compile.graph import Node
from c2.compile.layout import PLAIN, Layout
from c2.compile.native import NativeKernel

WIDTH = 16  # ways through the net that are followed at a time, where there are several


class Chosen(Protocol):
    """What may serve a node: a native kernel, or (None) a kernel of Python, which knows plain layouts alone."""

    @property
    def node(self) -> Node: ...
    @property
    def native(self) -> NativeKernel | None: ...
    @property
    def seconds(self) -> float: ...


C = TypeVar("C", bound=Chosen)
Choose = Callable[[Node, "tuple[Layout, ...] | None"], Sequence[C]]
Unfuse = Callable[[Node], Sequence[Node]]
Reorder = Callable[[Node, str, str, Layout, Layout], "C | None"]


@dataclass(frozen=True)
class LaidOut(Generic[C]):
    """What serves each node.

    Attributes:
        chosen: in order, the reorders included.
        choices: each node that was asked for, and what was taken; a node that came apart, and then its parts.
        layouts: of the blobs that are not plain.
        log: what was done.
        seconds: of all chosen.
    """

    chosen: tuple[C, ...]
    choices: tuple[tuple[Node, C], ...]
    layouts: Mapping[str, Layout]
    log: tuple[str, ...]
    seconds: float


def lay_out(
    nodes: Sequence[Node],
    fixed: frozenset[str],
    choose: Choose[C],
    unfuse: Unfuse,
    reorder: Reorder[C],
) -> LaidOut[C]:
    """Walks over the nodes once, forwards, and takes the way of least time, kernels and reorders together.

    A kernel is offered its inputs in the layouts in which they were made, and answers with those it wants. Where they
    differ, the blob is reordered; a blob that is wanted in one layout several times is reordered once. Where `choose`
    gives several kernels, the walk goes on with each: of the ways that lead to the same layouts the fastest is
    followed, and none that is slower than another one with reorders behind it.

    Args:
        fixed: blobs that others see, or that are memory with several writers; always plain.
        choose: (node, layouts of its inputs) -> what may serve it; with None for layouts, plain ones only.
        unfuse: a node with activations -> the same as nodes without any.
        reorder: (node it is for, source, target, their layouts) -> what does that, or None where nothing can.
    """
    walk = _Walk(nodes, fixed, choose, unfuse, reorder)
    ways: list[_Way[C]] = [_Way()]
    for position, node in enumerate(nodes):
        ways = walk.after(ways, node)
        for way in ways:
            walk.forget_dead(way, position)
    return min(ways, key=lambda way: way.seconds).finished()


@dataclass(frozen=True)
class _Step(Generic[C]):
    """One thing done on a way, and what was done before it."""

    before: _Step[C] | None
    node: Node | None  # that was asked for; None: a reorder
    made: C
    layouts: tuple[tuple[str, Layout], ...] = ()
    log: str = ""

    @property
    def apart(self) -> bool:
        """Whether the node came apart, so that its parts stand for it."""
        return self.made.native is None and self.node is not None and bool(self.node.post)


@dataclass
class _Way(Generic[C]):
    """What was chosen so far, and which layouts the blobs that are read later have there.

    Attributes:
        layouts: in which they were made, where that is not plain.
        versions: (blob, layout) -> the name of the blob in a layout to which it was reordered.
    """

    seconds: float = 0.0
    last: _Step[C] | None = None
    layouts: dict[str, Layout] = field(default_factory=dict)
    versions: dict[tuple[str, Layout], str] = field(default_factory=dict)

    def copy(self) -> _Way[C]:
        return _Way(self.seconds, self.last, dict(self.layouts), dict(self.versions))

    def add(
        self, node: Node | None, made: C, layouts: Iterable[tuple[str, Layout]] = (), log: str = ""
    ) -> None:
        self.last = _Step(self.last, node, made, tuple(layouts), log)
        self.seconds += made.seconds

    def has(self) -> set[tuple[str, Layout]]:
        """Blobs with each layout in which they are there, less what is there in plain layout alone."""
        return {*self.layouts.items(), *self.versions}

    def names(self) -> set[str]:
        """Blobs of which a layout is known."""
        return {*self.layouts, *(name for name, _ in self.versions)}

    def finished(self) -> LaidOut[C]:
        steps = list(self._steps())[::-1]
        return LaidOut(
            tuple(s.made for s in steps if not s.apart),
            tuple((s.node, s.made) for s in steps if s.node is not None),
            dict(pair for s in steps for pair in s.layouts),
            tuple(s.log for s in steps if s.log),
            self.seconds,
        )

    def _steps(self) -> Iterator[_Step[C]]:
        step = self.last
        while step is not None:
            yield step
            step = step.before


class _Walk(Generic[C]):
    def __init__(
        self,
        nodes: Sequence[Node],
        fixed: frozenset[str],
        choose: Choose[C],
        unfuse: Unfuse,
        reorder: Reorder[C],
    ) -> None:
        self.fixed, self.choose, self.unfuse, self.reorder = fixed, choose, unfuse, reorder
        self._last_read = {name: k for k, node in enumerate(nodes) for name in node.inputs}

    def after(self, ways: Sequence[_Way[C]], node: Node) -> list[_Way[C]]:
        """The ways worth following after the node."""
        return self._best([one for way in ways for one in self._with(way, node)], node)

    def _with(self, way: _Way[C], node: Node) -> list[_Way[C]]:
        """The ways on from one: the node done by each that may serve it."""
        layouts = tuple(way.layouts.get(n, PLAIN) for n in node.inputs)
        updates = bool(set(node.inputs) & set(node.outputs) - self.fixed)  # stays where it is
        offered = None if updates else layouts
        found = self._by_each(way, node, offered)
        if not found:
            found = self._by_each(way, node, None)
            assert found, "plain layouts need no reorder but back to plain"
        for one in found:
            self._forget(one, node.outputs)
        return found

    def _by_each(
        self, way: _Way[C], node: Node, offered: tuple[Layout, ...] | None
    ) -> list[_Way[C]]:
        found: list[_Way[C]] = []
        for made in self.choose(node, offered):
            one = way.copy()
            if made.native is None and node.post:
                one.add(node, made)
                parts = [one]
                for part in self.unfuse(node):
                    parts = self.after(parts, part)
                found += parts
            elif self._place(one, node, made):
                found.append(one)
        return found

    def _place(self, way: _Way[C], node: Node, made: C) -> bool:
        """Adds it with the reorders before and after; False where a reorder is missing."""
        native = made.native
        wanted = (native.input_layouts if native else ()) or (PLAIN,) * len(node.inputs)
        given = (native.output_layouts if native else ()) or (PLAIN,) * len(node.outputs)
        before: dict[tuple[str, Layout], str] = {}
        for name, layout in zip(node.inputs, wanted):
            if layout != way.layouts.get(name, PLAIN) and (name, layout) not in before:
                before[name, layout] = self._version(way, node, name, layout)
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
        if not all(before.values()) or any(done is None for _, _, done in after):
            return False
        inputs = [before.get((n, one), n) for n, one in zip(node.inputs, wanted)]
        outputs = [inner.get(n, n) for n in node.outputs]
        renamed = [*inputs, *outputs] != [*node.inputs, *node.outputs]
        placed = replace(made, node=node.with_names(inputs, outputs)) if renamed else made  # type: ignore[type-var]
        apart = [(n, one) for n, one in zip(outputs, given) if one != PLAIN]
        way.add(node, placed, apart)
        way.layouts.update(apart)
        for name, layout, done in after:
            assert done is not None
            self._add_reorder(way, done, inner[name], name, layout, PLAIN)
        return True

    def _version(self, way: _Way[C], node: Node, name: str, wanted: Layout) -> str:
        """The name of the blob in the layout wanted, which is made where it is not there; "" where nothing can."""
        known = way.versions.get((name, wanted))
        if known is not None:
            return known
        have, version = way.layouts.get(name, PLAIN), f"{name}|{wanted.name}"
        done = self.reorder(node, name, version, have, wanted)
        if done is None:
            return ""
        self._add_reorder(way, done, name, version, have, wanted)
        return version

    def _add_reorder(
        self, way: _Way[C], done: C, source: str, target: str, have: Layout, wanted: Layout
    ) -> None:
        made = [(target, wanted)] if wanted != PLAIN else []
        way.add(None, done, made, f"layout: reorder '{source}' from {have.name} to {wanted.name}")
        if target not in self.fixed:
            way.versions[source, wanted] = target

    def _forget(self, way: _Way[C], outputs: Sequence[str]) -> None:
        """Versions of what was just written are old; two fixed blobs may be one memory, so those go together."""
        fixed = not self.fixed.isdisjoint(outputs)
        for source, layout in list(way.versions):
            if source in outputs or (fixed and source in self.fixed):
                del way.versions[source, layout]

    def forget_dead(self, way: _Way[C], position: int) -> None:
        """Forgets the layouts of blobs that are not read after that position."""
        dead = {n for n in way.names() if self._last_read.get(n, -1) <= position}
        way.layouts = {n: one for n, one in way.layouts.items() if n not in dead}
        way.versions = {pair: v for pair, v in way.versions.items() if pair[0] not in dead}

    def _best(self, ways: list[_Way[C]], node: Node) -> list[_Way[C]]:
        """The fastest ways to what they have, without those that another one reaches by reorders."""
        best: list[_Way[C]] = []
        for way in sorted(ways, key=lambda one: one.seconds) if len(ways) > 1 else ways:
            if not any(
                other.seconds + self._between(other, way, node) <= way.seconds for other in best
            ):
                best.append(way)
        return best[:WIDTH]

    def _between(self, a: _Way[C], b: _Way[C], node: Node) -> float:
        """Seconds of the reorders after which way `a` has what `b` has; infinite where that is not known.

        Only for what the node has just read or made: other blobs differ where ways have differed for long.
        """
        missing = {(n, one) for n, one in b.has() - a.has()}
        missing |= {
            (n, PLAIN) for n in a.layouts if n not in b.layouts and (n, PLAIN) not in a.versions
        }
        names, total = {*node.inputs, *node.outputs}, 0.0
        for name, wanted in missing:
            done = None
            if name in names:
                have = a.layouts.get(name, PLAIN)
                done = self.reorder(node, name, f"{name}|{wanted.name}", have, wanted)
            if done is None:
                return float("inf")
            total += done.seconds
        return total
