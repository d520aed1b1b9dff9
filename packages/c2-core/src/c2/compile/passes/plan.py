"""Plan: one arena for all blobs that live only inside a program, with memory reused as soon as it is free."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from c2.compile.graph import Node
from c2.compile.layout import PLAIN, Layout
from c2.compile.memory import ALIGNMENT


@dataclass(frozen=True)
class MemoryPlan:
    """Offsets in bytes of blobs in an arena of `size` bytes; `unshared` is what it would take without reuse."""

    size: int
    offsets: Mapping[str, int]
    unshared: int


@dataclass
class _Storage:
    """Memory shared by blobs that are updates of one another, alive from `first` to `last` node.

    `parts` are storages that lie within it, each at its offset in bytes.
    """

    blobs: list[str]
    nbytes: int
    first: int
    last: int
    offset: int = -1
    parts: list[tuple[int, _Storage]] = field(default_factory=list)

    def offsets(self) -> Iterator[tuple[str, int]]:
        """Each blob with its offset, those of the parts included."""
        yield from ((blob, self.offset) for blob in self.blobs)
        for offset, part in self.parts:
            part.offset = self.offset + offset
            yield from part.offsets()


def plan_memory(
    nodes: Sequence[Node],
    inside: frozenset[str],
    layouts: Mapping[str, Layout] | None = None,
    slices: Mapping[int, Sequence[int]] | None = None,
    output_slices: Mapping[int, Sequence[int]] | None = None,
) -> MemoryPlan:
    """Places the blobs `inside`, which must be made by the nodes and have known specs.

    Blobs whose lives overlap get disjoint memory. An output that an operator may write in place takes the memory of
    its input where that dies there. Storage is placed from the largest down, each at the lowest offset that is free
    during its life (Pisarchyk & Lee, "Efficient memory management for deep neural net inference", 2020, greedy by
    size).

    Args:
        slices: position of a node -> where in its first output each input may lie, so that nothing needs to be copied.
        output_slices: position of a node -> where in its first input each output may lie, where that input dies there.
    """
    storages = _lives(nodes, inside, layouts or {})
    unshared = sum(_aligned(s.nbytes) * len(s.blobs) for s in storages)
    for k, offsets in (slices or {}).items():
        storages = _sliced(storages, nodes[k], k, offsets)
    for k, offsets in (output_slices or {}).items():
        storages = _cut(storages, nodes[k], k, offsets)
    placed: list[_Storage] = []
    for storage in sorted(storages, key=lambda s: (-s.nbytes, s.first)):
        storage.offset = _lowest_free(storage, placed)
        placed.append(storage)
    size = max((s.offset + _aligned(s.nbytes) for s in placed), default=0)
    return MemoryPlan(size, dict(pair for s in placed for pair in s.offsets()), unshared)


def _sliced(storages: list[_Storage], node: Node, k: int, offsets: Sequence[int]) -> list[_Storage]:
    """The storages with inputs of node k laid into its output, where they die there and are nobody's part yet."""
    home = {blob: storage for storage in storages for blob in storage.blobs}
    whole = home.get(node.outputs[0])
    if whole is None or whole.first != k:
        return storages
    for name, offset in zip(node.inputs, offsets):
        part = home.get(name)
        if part is not None and part.last == k and node.inputs.count(name) == 1:
            whole.parts.append((offset, part))
    taken = {id(part) for _, part in whole.parts}
    whole.first = min([k, *(part.first for _, part in whole.parts)])
    return [s for s in storages if id(s) not in taken]


def _cut(storages: list[_Storage], node: Node, k: int, offsets: Sequence[int]) -> list[_Storage]:
    """The storages with outputs of node k left where they are in its input, which nobody needs any more."""
    home = {blob: storage for storage in storages for blob in storage.blobs}
    whole = home.get(node.inputs[0])
    if whole is None or whole.last != k:
        return storages
    parts = [(offset, home.get(name)) for name, offset in zip(node.outputs, offsets)]
    found = [(offset, part) for offset, part in parts if part is not None and part.first == k]
    whole.parts += found
    whole.last = max([k, *(part.last for _, part in found)])
    taken = {id(part) for _, part in found}
    return [s for s in storages if id(s) not in taken]


def _lives(
    nodes: Sequence[Node], inside: frozenset[str], layouts: Mapping[str, Layout]
) -> list[_Storage]:
    last_read = {name: k for k, node in enumerate(nodes) for name in node.inputs}
    home: dict[str, _Storage] = {}
    storages: list[_Storage] = []
    for k, node in enumerate(nodes):
        for position, name in enumerate(node.outputs):
            if name not in inside:
                continue
            spec = node.output_specs[position]
            assert spec is not None
            last = max(k, last_read.get(name, k))
            if name in home:  # a fused activation that became a node of its own, in place
                home[name].last = max(home[name].last, last)
                continue
            reused = _dying_input(node, position, k, last_read, home, layouts)
            if reused is not None:
                reused.blobs.append(name)
                reused.last = max(reused.last, last)
                home[name] = reused
                continue
            home[name] = _Storage([name], layouts.get(name, PLAIN).nbytes(spec), k, last)
            storages.append(home[name])
    return storages


def _dying_input(
    node: Node,
    position: int,
    k: int,
    last_read: Mapping[str, int],
    home: Mapping[str, _Storage],
    layouts: Mapping[str, Layout],
) -> _Storage | None:
    """The storage of an input that this output may overwrite: in place is allowed, and nobody reads it later."""
    for i, name in enumerate(node.inputs):
        storage = home.get(name)
        summand = (
            i >= len(node.op.inputs) and position == 0
        )  # of a fused Sum, which is added in place
        if storage is None or not (summand or (i, position) in node.op.schema.inplace_pairs):
            continue
        same = node.input_specs[i] == node.output_specs[position]
        same = same and _alike(node, name, position, layouts, summand)
        if same and last_read[name] == k and storage.last == k and node.inputs.count(name) == 1:
            return storage
    return None


def _alike(
    node: Node, name: str, position: int, layouts: Mapping[str, Layout], summand: bool
) -> bool:
    """Whether an input is kept as an output is. A summand may differ in all but its size."""
    ends = [layouts.get(n, PLAIN) for n in (name, node.outputs[position])]
    spec = node.output_specs[position]
    assert spec is not None
    return ends[0] == ends[1] or (summand and ends[0].nbytes(spec) == ends[1].nbytes(spec))


def _lowest_free(storage: _Storage, placed: Sequence[_Storage]) -> int:
    offset = 0
    for other in sorted(placed, key=lambda s: s.offset):
        if other.last < storage.first or storage.last < other.first:
            continue
        if offset + _aligned(storage.nbytes) <= other.offset:
            break
        offset = max(offset, other.offset + _aligned(other.nbytes))
    return offset


def _aligned(nbytes: int) -> int:
    return -(-max(nbytes, 1) // ALIGNMENT) * ALIGNMENT
