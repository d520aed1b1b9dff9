"""The tuner: lets the kernels of every engine race for each node, and chooses for the net as a whole.

Laying out follows several kernels for each node and takes the way through the net of least total time, reorders
between layouts included (`c2.compile.passes.layout`). The kernels that win are built again for the program; those that
raced are freed after their race. What was timed is in the cache, by key, and is not timed again; so the same cache
gives the same choice.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from c2.build.progress import Progress, Silent
from c2.compile.graph import Graph, Node
from c2.compile.layout import PLAIN, Layout
from c2.compile.native import Asked, NativeKernel, Offer, build_every
from c2.compile.passes.layout import LaidOut, lay_out
from c2.compile.precision import FULL
from c2.compile.stage import Stages, build_reorder, shapes_known, spec_in, unfused
from c2.compile.tuning.cache import TuningCache
from c2.compile.tuning.race import COLDEST, Course
from c2.compile.tuning.rehearse import rehearse, separate_workspace
from c2.execute.workspace import Workspace
from c2.registry import Registry, TensorSpec

MARGIN = 0.02  # of the time: what another kernel than the first has to gain
MOST = 1 << 30  # bytes that a race may take for blobs
TASK = "tune"
_tuning = threading.Lock()  # two races at a time would disturb each other


@dataclass(frozen=True)
class Candidate:
    """A kernel that may serve a node, or (without `native`) its parts, or a kernel of Python.

    Attributes:
        native: layouts and label alone; the kernel that raced is freed.
        seconds: what counts: 0 where nothing was timed, and a margin more than was measured for all but the first.
        measured: the least seconds; None: not timed, or it failed on inputs that were made up.
        offered: layouts that the engine was offered; None: plain ones only.
        first: whether it is what the engines offer untuned.
        rivals: all candidates for the node, itself included.
    """

    node: Node
    native: NativeKernel | None = None
    seconds: float = 0.0
    engine: str = ""
    measured: float | None = None
    offered: tuple[Layout, ...] | None = None
    first: bool = True
    declined: list[tuple[str, str]] = field(default_factory=list)
    rivals: tuple[Candidate, ...] = ()

    def told(self) -> dict[str, Any]:
        """For the cache and for reports."""
        assert self.native is not None
        return {
            "engine": self.engine, "way": self.native.label, "first": self.first, "seconds": self.measured,
            "takes": [one.name for one in self.native.input_layouts],
            "gives": [one.name for one in self.native.output_layouts],
            "offered": None if self.offered is None else [one.name for one in self.offered],
        }  # fmt: skip


@dataclass(frozen=True)
class Tuned:
    """What a race came to, for `Stages`, `c2 tune` and `c2 explain --tune`.

    Attributes:
        used: whether the choice is used: not where it is what the engines offer untuned, where the whole net did not
            become faster, or where the cache does not know all of it and nothing was to be timed.
        why: in words.
        seconds: of all native calls of the program, "untuned" and "tuned"; empty where they were not timed.
        timed, known: races run now, and those taken from the cache.
    """

    used: bool
    why: str
    rows: tuple[Mapping[str, Any], ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    timed: int = 0
    known: int = 0
    decisions: Mapping[int, Candidate] = field(default_factory=dict, repr=False)
    parts: Mapping[int, list[Node]] = field(default_factory=dict, repr=False)

    def of(self, node: Node) -> Candidate | None:
        return self.decisions.get(id(node)) if self.used else None

    def unfuse(self, node: Node) -> list[Node]:
        return self.parts[id(node)] if id(node) in self.parts else unfused(node)

    def report(self) -> dict[str, Any]:
        """For `c2 explain --tune` and `c2 tune`: plain values."""
        return {
            "used": self.used, "why": self.why, "seconds": dict(self.seconds), "timed": self.timed, "known": self.known,
            "operators": [dict(row) for row in self.rows],
        }  # fmt: skip


class NotInCache(Exception):
    """Something has not been timed yet, and must not be timed now."""


def tune(
    graph: Graph,
    workspace: Workspace,
    registry: Registry,
    threads: int,
    values: Mapping[str, Any],
    cache: TuningCache,
    *,
    may_time: bool = True,
    runner: str | None = None,
    progress: Progress | None = None,
) -> Tuned:
    """Chooses the kernels of a graph after all passes.

    Args:
        values: what blobs hold that exist before the net runs. Native kernels that overwrite one race on a copy.
        may_time: False: only what the cache knows counts, and where it does not know all, nothing is chosen.
        progress: is told of each node.
    """
    with _tuning:
        tuner = _Tuner(graph, workspace, registry, threads, values, cache, may_time, runner)
        try:
            return tuner.tune(progress or Silent())
        except NotInCache:
            return Tuned(
                False, "the cache does not know all of it; time it once: c2 tune", known=tuner.known
            )
        finally:
            cache.save()


class _Tuner:
    def __init__(
        self,
        graph: Graph,
        workspace: Workspace,
        registry: Registry,
        threads: int,
        values: Mapping[str, Any],
        cache: TuningCache,
        may_time: bool,
        runner: str | None,
    ) -> None:
        self.graph, self.workspace, self.registry, self.runner = graph, workspace, registry, runner
        self.threads, self.values, self.cache, self.may_time = threads, values, cache, may_time
        self.timed = self.known = 0
        inside = separate_workspace(workspace, graph)
        constants = dict(graph.constants)
        self._stages = Stages(replace(graph, constants=constants), inside, registry, threads)
        self._fixed = self._stages.fixed
        self._cold = _cold(graph)
        self._layouts = {PLAIN.name: PLAIN}
        self._candidates: dict[Any, list[Candidate]] = {}
        self._reorders: dict[Any, float | None] = {}
        self._parts: dict[int, list[Node]] = {}
        self._seen: set[int] = set()
        self._progress: Progress = Silent()

    def tune(self, progress: Progress) -> Tuned:
        self._progress = progress
        progress.start(TASK, len(self.graph.nodes))
        nodes = self.graph.nodes
        laid_out = lay_out(nodes, self._fixed, self._choose, self._unfuse, self._reorder)
        tuned = Tuned(
            True, "", tuple(_row(node, made) for node, made in laid_out.choices if made.native), {}, 0, 0,
            {id(node): made for node, made in laid_out.choices}, self._parts,
        )  # fmt: skip
        tuned = self._compared(tuned, laid_out)
        progress.finish({})
        return replace(tuned, timed=self.timed, known=self.known)

    def _compared(self, tuned: Tuned, laid_out: LaidOut[Candidate]) -> Tuned:
        """The choice beside what the engines offer untuned, as whole programs."""
        if all(made.first for _, made in laid_out.choices):
            return replace(tuned, used=False, why="the engines' own order is the fastest")
        choices = [
            [_node_key(node, self.graph.precision.name), _what(made)]
            for node, made in laid_out.choices
        ]
        key = {"net": choices, "kept": sorted(self.graph.keep), "threads": self.threads}
        result = self._known(key)
        if result is None:
            args = (self.graph, self.workspace, self.registry, self.threads)
            result = rehearse(*args, self.values, tuned, self.runner)
            self.cache.put(key, result)
        told = {name: result.get(name) for name in ("untuned", "tuned")}
        seconds = {name: float(t) for name, t in told.items() if isinstance(t, (int, float))}
        if len(seconds) == 2 and seconds["tuned"] >= seconds["untuned"]:
            return replace(
                tuned, used=False, why="the whole net did not become faster", seconds=seconds
            )
        return replace(tuned, why="chosen by measuring", seconds=seconds)

    def _known(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """What the cache has; None: it has to be timed now."""
        result = self.cache.get(key)
        if result is None and not self.may_time:
            raise NotInCache
        self.known += result is not None
        self.timed += result is None
        return result

    # -- what laying out asks for

    def _choose(self, node: Node, layouts: tuple[Layout, ...] | None) -> list[Candidate]:
        key = id(node), layouts
        if key not in self._candidates:
            self._candidates[key] = self._candidates_for(node, layouts)
            self._seen.add(id(node))
            self._progress.advance(min(len(self._seen), len(self.graph.nodes)), {})
        return self._candidates[key]

    def _candidates_for(self, node: Node, layouts: tuple[Layout, ...] | None) -> list[Candidate]:
        if self._stages.reads_loose(node) or not shapes_known(node):
            natives: list[Candidate] = []
            declined = [("native", "found only during the run")]
        else:
            natives, declined = self._raced(node, layouts)
        if not natives:
            self._stages.without_native(node)
            return [Candidate(node, declined=declined)]
        rivals = tuple(natives)
        found = [replace(one, declined=declined, rivals=rivals) for one in _counted(natives)]
        unwilling = {engine for engine, _ in declined} - {one.engine for one in natives}
        if node.post and unwilling and self._may_come_apart(node, layouts, unwilling):
            found.append(Candidate(node, first=False, declined=declined))
        return found

    def _may_come_apart(
        self, node: Node, layouts: tuple[Layout, ...] | None, unwilling: set[str]
    ) -> bool:
        """Whether an engine that does not do the fused node does it alone, and all its parts have native kernels."""
        bare, *after = self._unfuse(node)
        own = None if layouts is None else layouts[: len(bare.inputs)]
        offers, _ = build_every(self._asked(bare, own))
        return any(one.engine in unwilling for one in offers) and all(
            build_every(self._asked(part, None))[0] for part in after
        )

    def _asked(self, node: Node, layouts: tuple[Layout, ...] | None) -> Asked:
        """What engines are asked for the race; with another generator than the net's, which must stay as it is."""
        return self._stages.asked(node, layouts, node.home.device.random(0))

    def _unfuse(self, node: Node) -> list[Node]:
        if id(node) not in self._parts:
            self._parts[id(node)] = unfused(node)
        return self._parts[id(node)]

    def _reorder(
        self, node: Node, source: str, target: str, have: Layout, wanted: Layout
    ) -> Candidate | None:
        spec = spec_in(node, source, target)
        names = have.name, wanted.name
        if (spec, names) not in self._reorders:
            self._reorders[spec, names] = self._reorder_seconds(spec, have, wanted)
        seconds = self._reorders[spec, names]
        if seconds is None:
            return None
        return Candidate(node, NativeKernel(0, 0), seconds, "reorder", measured=seconds)

    def _reorder_seconds(self, spec: TensorSpec, have: Layout, wanted: Layout) -> float | None:
        key = {
            "reorder": [have.name, wanted.name], "spec": _told_spec(spec), "threads": self.threads,
            "cold": self._cold,
        }  # fmt: skip
        result = self._known(key)
        if result is None:
            kernel = build_reorder(spec, have, wanted, self.threads)
            course = Course([spec], [spec], {}, {}, self._cold, self.threads)
            ends = {"input_layouts": (have,), "output_layouts": (wanted,)}
            timed = course.race([replace(kernel, **ends)])[0] if kernel else None  # type: ignore[arg-type]
            result = {"seconds": timed}
            self.cache.put(key, result)
        seconds = result.get("seconds")
        return float(seconds) if isinstance(seconds, (int, float)) else None

    # -- races

    def _raced(
        self, node: Node, layouts: tuple[Layout, ...] | None
    ) -> tuple[list[Candidate], list[tuple[str, str]]]:
        """What every engine offers for a node, timed, the untuned choice first; and why engines declined."""
        in_place = self._in_place(node)
        key = {
            **_node_key(node, self.graph.precision.name), "threads": self.threads, "cold": self._cold,
            "constants": [k for k, n in enumerate(node.inputs) if n in self.graph.constants],
            "engines": self.registry.engine_order(node.type, node.home.device.name, node.op.op.engine),
            "offered": None if layouts is None else [one.name for one in layouts],
            "in place": sorted(in_place.items()),
        }  # fmt: skip
        if self.graph.precision.name != FULL:  # what is written may be reduced for who reads it
            key["readers"] = sorted(self._stages.readers_of(node))
        result = self._known(key)
        if result is not None:
            known = self._from_cache(node, layouts, result)
            if known is not None:
                return known
        candidates, kernels, declined = self._offers(node, layouts)
        times = self._times(node, kernels, in_place)
        candidates = [replace(one, measured=t) for one, t in zip(candidates, times)]
        told = {"candidates": [one.told() for one in candidates], "declined": declined}
        self.cache.put(key, told)
        return candidates, declined

    def _offers(
        self, node: Node, layouts: tuple[Layout, ...] | None
    ) -> tuple[list[Candidate], list[NativeKernel], list[tuple[str, str]]]:
        """Candidates with their kernels, those for plain layouts included, each once."""
        found: dict[Any, tuple[Candidate, NativeKernel]] = {}
        declined: list[tuple[str, str]] = []
        precision: str | None = None
        for offered in dict.fromkeys((layouts, None)):
            offers, said = build_every(self._asked(node, offered))
            declined += [pair for pair in said if pair not in declined]
            for offer in offers:
                precision = precision or offer.precision
                if offer.precision == precision:
                    one = self._candidate(node, offer, offered, not found)
                    assert one.native is not None
                    ends = one.native.input_layouts, one.native.output_layouts
                    found.setdefault((one.engine, one.native.label, ends), (one, offer.kernel))
        return [c for c, _ in found.values()], [k for _, k in found.values()], declined

    def _candidate(
        self, node: Node, offer: Offer, offered: tuple[Layout, ...] | None, first: bool
    ) -> Candidate:
        kernel = offer.kernel
        takes = kernel.input_layouts or (PLAIN,) * len(node.inputs)
        gives = kernel.output_layouts or (PLAIN,) * len(node.outputs)
        self._layouts.update({one.name: one for one in (*takes, *gives)})
        native = NativeKernel(0, 0, input_layouts=takes, output_layouts=gives, label=kernel.label)
        return Candidate(node, native, engine=offer.engine, offered=offered, first=first)

    def _times(
        self, node: Node, kernels: Sequence[NativeKernel], in_place: Mapping[int, int]
    ) -> list[float | None]:
        inputs = [s for s in node.input_specs if s is not None]
        outputs = [s for s in node.output_specs if s is not None]
        contents = {k: v for k, v in enumerate(map(self._content, node.inputs)) if v is not None}
        own = [
            s.nbytes for k, s in enumerate(inputs) if k not in contents or k in in_place.values()
        ]
        if not kernels or sum(own) + sum(s.nbytes for s in outputs) > MOST:
            return [None] * len(kernels)
        course = Course(inputs, outputs, contents, in_place, self._cold, self.threads)
        return course.race(kernels)

    def _content(self, name: str) -> np.ndarray[Any, Any] | None:
        found = self.graph.constants.get(name, self.values.get(name))
        if not isinstance(found, np.ndarray) or not found.flags.c_contiguous:
            return None
        return found if found.dtype != object else None

    def _in_place(self, node: Node) -> dict[int, int]:
        """Outputs that a program keeps in the memory of an input: updates, and sums in a summand that dies there."""
        found = {k: node.inputs.index(n) for k, n in enumerate(node.outputs) if n in node.inputs}
        dies = node.extra and node.extra[0] not in self._fixed
        if not found and dies and self.graph.readers()[node.extra[0]] == 1:
            found[0] = len(node.op.inputs)
        return found

    def _from_cache(
        self, node: Node, layouts: tuple[Layout, ...] | None, result: Mapping[str, Any]
    ) -> tuple[list[Candidate], list[tuple[str, str]]] | None:
        """Candidates as the cache tells them; None where it tells nonsense."""
        try:
            names = {
                n
                for c in result["candidates"]
                for k in ("takes", "gives", "offered")
                for n in c[k] or ()
            }
            if not names <= self._layouts.keys():
                self._offers(node, layouts)  # for the layouts; what it builds is not timed
            declined = [(str(engine), str(why)) for engine, why in result["declined"]]
            return [self._read(node, one) for one in result["candidates"]], declined
        except (KeyError, TypeError, ValueError):
            return None

    def _read(self, node: Node, told: Mapping[str, Any]) -> Candidate:
        takes, gives, offered = (
            None if told[k] is None else tuple(self._layouts[n] for n in told[k])
            for k in ("takes", "gives", "offered")
        )
        if len(takes or ()) != len(node.inputs) or len(gives or ()) != len(node.outputs):
            raise ValueError("a layout for each blob")
        native = NativeKernel(
            0, 0, input_layouts=takes or (), output_layouts=gives or (), label=str(told["way"])
        )
        measured = None if told["seconds"] is None else float(told["seconds"])
        first = bool(told["first"])
        return Candidate(node, native, 0.0, str(told["engine"]), measured, offered, first)


def _counted(candidates: list[Candidate]) -> list[Candidate]:
    """Candidates with the seconds that count; the first alone where it could not be timed, else those that were."""
    if candidates[0].measured is None:
        return candidates[:1]
    return [
        replace(one, seconds=one.measured * (1 if one.first else 1 + MARGIN))
        for one in candidates
        if one.measured is not None
    ]


def _what(made: Candidate) -> dict[str, Any] | None:
    """What was chosen, whatever time it took; None: parts, or a kernel of Python."""
    if made.native is None:
        return None
    return {name: value for name, value in made.told().items() if name != "seconds"}


def _row(node: Node, made: Candidate) -> dict[str, Any]:
    """A node's race for reports, the fastest first."""
    rivals = sorted(
        made.rivals, key=lambda one: float("inf") if one.measured is None else one.measured
    )
    return {
        "op": node.label, "outputs": node.outputs, "shape": _shape(node), "chosen": made.told(),
        "candidates": [one.told() for one in rivals], "declined": made.declined,
    }  # fmt: skip


def _shape(node: Node) -> list[int]:
    spec = node.output_specs[0]
    return list(spec.shape or ()) if spec is not None else []


def _cold(graph: Graph) -> int:
    """Bytes that a run of the net reads and writes, to the next power of two, as far as it matters."""
    specs = {
        n: s
        for node in graph.nodes
        for n, s in zip((*node.inputs, *node.outputs), (*node.input_specs, *node.output_specs))
        if s is not None and s.shape is not None
    }
    total = sum(s.nbytes for s in specs.values())
    return min(COLDEST, 1 << max(total - 1, 1).bit_length())


def _node_key(node: Node, precision: str) -> dict[str, Any]:
    """What a node is, in words; names of blobs do not count."""
    return {
        "type": node.type, "args": _told_args(node.op.args), "precision": precision,
        "post": [[p.type, _told_args(p.args)] for p in node.post],
        "inputs": [_told_spec(s) for s in node.input_specs],
        "outputs": [_told_spec(s) for s in node.output_specs],
    }  # fmt: skip


def _told_args(args: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: str(value.tolist() if isinstance(value, np.ndarray) else value)
        for name, value in args.items()
    }


def _told_spec(spec: TensorSpec | None) -> str:
    return "none" if spec is None else str(spec)
