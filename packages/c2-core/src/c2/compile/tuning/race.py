"""A race: native kernels for one node are timed by turns, on memory of their own.

Before each run, as much other memory is read as the net reads and writes between two runs, so that weights come from
where they come from in the net; then the inputs are written anew, as the operators before would have done. The least
time of each kernel counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from c2.compile.layout import PLAIN, Layout
from c2.compile.memory import address, cache_aligned
from c2.compile.native import NativeKernel
from c2.compile.runner import Run, make_runner
from c2.compile.stage import build_reorder
from c2.registry import TensorSpec

ROUNDS = 12  # runs of each kernel, or as many as there is time for
LEAST = 3
SECONDS = 0.5  # for all kernels of a node; not fewer than LEAST rounds
LOST = 2.5  # times as slow as the fastest: no need to know it more exactly
HOPELESS = (
    10.0  # after one run already, where that takes longer than another process may hold the core
)
SLICE = 0.05
COLDEST = 32 << 20  # bytes read in between, at most

Array = np.ndarray[Any, Any]


class Course:
    """Where the kernels of a node race: its blobs in every layout that one of them asks for.

    Args:
        contents: position of an input -> its array, where it is known; others are drawn at random. Nothing is
            written into it.
        in_place: position of an output -> that of the input in whose memory it lies.
        cold: bytes to read before each run.
    """

    def __init__(
        self,
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        contents: Mapping[int, Array],
        in_place: Mapping[int, int],
        cold: int,
        threads: int,
    ) -> None:
        self.specs, self.inputs = [*inputs, *outputs], len(inputs)
        self.contents, self.in_place, self.threads = contents, in_place, threads
        self._other = np.zeros(cold // 8, np.int64)
        self._sources: dict[tuple[int, str], Array] = {}
        self._targets: dict[tuple[int, str], Array] = {}

    def race(self, kernels: Sequence[NativeKernel]) -> list[float | None]:
        """The least seconds of each; None for a kernel that fails on these inputs."""
        lanes = [self._lane(kernel) for kernel in kernels]
        start = perf_counter()
        for k in range(1 + ROUNDS):  # the first one warms up
            best = min((lane.best for lane in lanes if not lane.failed), default=0.0)
            for lane in lanes:
                if not lane.failed and not (k > 1 and lane.is_lost(best, k)):
                    seconds = self._run(lane)
                    lane.best = min(lane.best, seconds) if k else lane.best
            if k >= LEAST and perf_counter() - start > SECONDS:
                break
        return [None if lane.failed else lane.best for lane in lanes]

    def _run(self, lane: _Lane) -> float:
        self._other.max(initial=0)
        for target, source in lane.inputs:
            np.copyto(target, source)
        start = perf_counter()
        failed, _ = lane.run()
        seconds = perf_counter() - start
        lane.failed = failed >= 0
        return seconds

    def _lane(self, kernel: NativeKernel) -> _Lane:
        count = len(self.specs)
        layouts = [
            *(kernel.input_layouts or (PLAIN,) * self.inputs),
            *(kernel.output_layouts or (PLAIN,) * (count - self.inputs)),
        ]
        if kernel.resize is not None:
            kernel.resize(self.specs[: self.inputs])
        inputs, held = [], []
        for k, layout in enumerate(layouts):
            shared = self.in_place.get(k - self.inputs)
            if k in self.contents and layout == PLAIN and k not in self.in_place.values():
                held.append(self.contents[k])
            elif k < self.inputs:
                held.append(self._target(k, layout))
                inputs.append((held[k], self._source(k, layout)))
            elif shared is not None and held[shared].nbytes == layout.nbytes(self.specs[k]):
                held.append(held[shared])
            else:
                held.append(self._target(k, layout))
        if kernel.scratch:
            held.append(cache_aligned(kernel.scratch))
        step = (kernel.function, kernel.context, [address(one) for one in held])
        return _Lane(make_runner([step])[0], inputs, (kernel, held))

    def _target(self, position: int, layout: Layout) -> Array:
        """Memory for a blob, as bytes."""
        key = position, layout.name
        if key not in self._targets:
            self._targets[key] = cache_aligned(layout.nbytes(self.specs[position]))
            self._targets[key].fill(0)
        return self._targets[key]

    def _source(self, position: int, layout: Layout) -> Array:
        """What to write into an input, as bytes."""
        key = position, layout.name
        if key not in self._sources:
            plain = self._plain(position)
            self._sources[key] = (
                plain if layout == PLAIN else self._reordered(plain, position, layout)
            )
        return self._sources[key]

    def _plain(self, position: int) -> Array:
        spec = self.specs[position]
        made = self.contents.get(position)
        if made is None and spec.dtype.kind == "f":
            made = np.random.default_rng(position).random(spec.shape).astype(spec.dtype)
        elif made is None:
            made = np.zeros(spec.shape or (), spec.dtype)  # an index that is a row's
        return np.frombuffer(np.ascontiguousarray(made).tobytes(), np.uint8)

    def _reordered(self, plain: Array, position: int, layout: Layout) -> Array:
        spec = self.specs[position]
        made = cache_aligned(layout.nbytes(spec))
        made.fill(0)
        kernel = build_reorder(spec, PLAIN, layout, self.threads)
        if kernel is not None:
            source = cache_aligned(max(plain.nbytes, 1))
            source[: plain.nbytes] = plain
            scratch = [cache_aligned(kernel.scratch)] if kernel.scratch else []
            held = [address(one) for one in (source, made, *scratch)]
            make_runner([(kernel.function, kernel.context, held)])[0]()
        return made


@dataclass
class _Lane:
    """A kernel with its memory: a call, and what to write into the inputs before it."""

    run: Run
    inputs: list[tuple[Array, Array]]
    keep: Any
    best: float = float("inf")
    failed: bool = False

    def is_lost(self, best: float, runs: int) -> bool:
        """Whether it is so much slower than the best that it need not run again."""
        if runs > LEAST:
            return self.best > LOST * best
        return self.best > max(HOPELESS * best, SLICE)
