"""Linear maps along one axis of an array, and their adjoints: what resizing and padding are made of."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

Entries = list[tuple[int, int, float]]

# Up to so many slices serve faster than arrays of indices.
MANY_SLICES = 16


@dataclass
class Step:
    """target[to] = or += source[at] * weights, with no element of the target twice."""

    to: Any
    at: Any
    weights: Any
    adds: bool


class AxisMap:
    """output[o] = sum of weight * input[i] over the entries (o, i, weight), along one axis.

    Entries become steps: slices where they stand in a few arithmetic progressions (pads, whole scales), else arrays of
    indices. Weights of one are not multiplied.
    """

    def __init__(self, xp: Any, inputs: int, outputs: int, entries: Entries) -> None:
        self.xp, self.inputs, self.outputs = xp, inputs, outputs
        layers = _groups(entries, by=0)  # no output stands in a layer twice
        groups = [
            group for layer in layers for group in _groups(layer, by=1)
        ]  # and no input in a group
        runs = [run for group in groups for run in _progressions(group)]
        as_slices = len(runs) <= MANY_SLICES
        self._forward = self._plan(runs if as_slices else layers, as_slices)
        self._adjoint = self._plan(
            [
                [(i, o, w) for o, i, w in part]
                for part in (runs if as_slices else _groups(entries, by=1))
            ],
            as_slices,
        )

    def apply(self, X: Any, axis: int, out: Any = None) -> Any:
        return self._run(X, axis, self._forward, self.outputs, out)

    def adjoint(self, dY: Any, axis: int, out: Any = None) -> Any:
        return self._run(dY, axis, self._adjoint, self.inputs, out)

    def _plan(self, parts: list[Entries], as_slices: bool) -> list[Step]:
        """Steps that write where they are the first, else add; where one is half first, all add to zero."""
        seen: set[int] = set()
        adds = []
        for part in parts:
            targets = {to for to, _, _ in part}
            adds.append(not seen.isdisjoint(targets))
            if adds[-1] and not seen.issuperset(targets):
                adds = [True] * len(parts)
                break
            seen |= targets
        return [self._step(part, as_slices, add) for part, add in zip(parts, adds)]

    def _step(self, part: Entries, as_slices: bool, adds: bool) -> Step:
        to, at, weights = zip(*(part if part[0][0] <= part[-1][0] else part[::-1]))
        scale = None if set(weights) == {1} else self.xp.asarray(np.array(weights))
        if as_slices:
            return Step(_slice(to), _slice(at), scale, adds)
        return Step(list(to), self.xp.asarray(np.array(at)), scale, adds)

    def _run(self, X: Any, axis: int, steps: list[Step], size: int, out: Any) -> Any:
        if out is None:
            out = self.xp.empty((*X.shape[:axis], size, *X.shape[axis + 1 :]), X.dtype)
        if not self._covers(steps, size):
            out[...] = 0
        lead = (slice(None),) * axis
        for step in steps:
            part = X[(*lead, step.at)]
            if step.weights is not None:
                shape = [-1 if a == axis else 1 for a in range(X.ndim)]
                part = part * step.weights.astype(X.dtype).reshape(shape)
            if step.adds:
                out[(*lead, step.to)] += part
            else:
                out[(*lead, step.to)] = part
        return out

    @staticmethod
    def _covers(steps: list[Step], size: int) -> bool:
        """Whether every element is written before it is added to."""
        written = [
            len(range(size)[s.to]) if isinstance(s.to, slice) else len(s.to)
            for s in steps
            if not s.adds
        ]
        return sum(written) == size


def _groups(entries: Entries, by: int) -> list[Entries]:
    """The k-th group has the k-th entry of each target (by=0) or source (by=1), in order."""
    seen: defaultdict[int, int] = defaultdict(int)
    found: list[Entries] = []
    for entry in sorted(entries, key=lambda e: (e[by], e[1 - by])):
        number = seen[entry[by]]
        seen[entry[by]] += 1
        if number == len(found):
            found.append([])
        found[number].append(entry)
    return found


def _progressions(entries: Entries) -> list[Entries]:
    """Cuts a group where the steps of target and source change."""
    parts: list[Entries] = []
    for entry in entries:
        last = parts[-1] if parts else []
        if len(last) == 1 or (
            len(last) > 1 and _step_between(last[-1], entry) == _step_between(*last[:2])
        ):
            last.append(entry)
        else:
            parts.append([entry])
    return parts


def _step_between(a: tuple[int, int, float], b: tuple[int, int, float]) -> tuple[int, int]:
    return b[0] - a[0], b[1] - a[1]


def _slice(numbers: tuple[int, ...]) -> slice:
    """An arithmetic progression as a slice."""
    step = numbers[1] - numbers[0] if len(numbers) > 1 else 1
    stop = numbers[-1] + (1 if step > 0 else -1)
    return slice(numbers[0], None if stop < 0 else stop, step)
