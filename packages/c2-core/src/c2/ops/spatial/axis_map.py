"""Linear maps along one axis of an array, and their adjoints: what resizing and padding are made of."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np


class AxisMap:
    """output[o] = sum of weight * input[i] over the entries (o, i, weight), along one axis.

    Entries are grouped into passes in which no output (for the adjoint: no input) stands twice, so that a pass
    is one gather and one add. Weights of one are not multiplied.
    """

    def __init__(
        self, xp: Any, inputs: int, outputs: int, entries: list[tuple[int, int, float]]
    ) -> None:
        self.xp, self.inputs, self.outputs = xp, inputs, outputs
        self._forward = [self._arrays(p) for p in _passes(entries, 0)]
        flipped = [(i, o, w) for o, i, w in sorted(entries, key=lambda e: e[1])]
        self._adjoint = [self._arrays(p) for p in _passes(flipped, 0)]

    def apply(self, X: Any, axis: int, out: Any = None) -> Any:
        return self._run(X, axis, self._forward, self.outputs, out)

    def adjoint(self, dY: Any, axis: int, out: Any = None) -> Any:
        return self._run(dY, axis, self._adjoint, self.inputs, out)

    def _arrays(self, entries: list[tuple[int, int, float]]) -> tuple[list[int], Any, Any]:
        to, source, weight = zip(*entries)
        weights = None if set(weight) == {1} else self.xp.asarray(np.array(weight))
        return list(to), self.xp.asarray(np.array(source)), weights

    def _run(self, X: Any, axis: int, passes: list[Any], size: int, out: Any) -> Any:
        if out is None:
            out = self.xp.empty((*X.shape[:axis], size, *X.shape[axis + 1 :]), X.dtype)
        complete = bool(passes) and len(passes[0][0]) == size  # the first pass writes every element
        if not complete:
            out[...] = 0
        for number, (to, source, weights) in enumerate(passes):
            part = self.xp.take(X, source, axis=axis)
            if weights is not None:
                shape = [-1 if a == axis else 1 for a in range(X.ndim)]
                part *= weights.astype(X.dtype).reshape(shape)
            where = (slice(None),) * axis
            if number == 0 and complete:
                out[...] = part
            elif len(to) == size:
                out += part
            else:
                out[(*where, to)] += part
        return out


def _passes(entries: list[tuple[int, int, float]], key: int) -> list[list[tuple[int, int, float]]]:
    """The k-th pass has the k-th entry of each target, targets in order."""
    seen: defaultdict[int, int] = defaultdict(int)
    found: list[list[tuple[int, int, float]]] = []
    for entry in sorted(entries, key=lambda e: e[key]):
        number = seen[entry[key]]
        seen[entry[key]] += 1
        if number == len(found):
            found.append([])
        found[number].append(entry)
    return found
