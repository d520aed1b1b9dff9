"""Layered layout of a directed graph: who is above whom, in which order, at which place.

After Sugiyama, Tagawa & Toda, "Methods for visual understanding of hierarchical system structures", 1981: layers by
longest path, long edges broken by invisible nodes, order by medians of neighbours, places by averaging.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

SWEEPS = 8  # of ordering, down and up; more changes nothing one can see
GAP = 24.0  # pixels between neighbours in a layer
LAYER_GAP = 34.0  # pixels between layers
DUMMY_WIDTH = 10.0


@dataclass
class Layout:
    """Centres of nodes, and the points that each edge goes through, in pixels."""

    centres: dict[str, tuple[float, float]]
    edges: list[tuple[str, str, list[tuple[float, float]]]]
    width: float
    height: float


def layered_layout(
    sizes: Mapping[str, tuple[float, float]], edges: Sequence[tuple[str, str]]
) -> Layout:
    """Places nodes of given sizes (width, height) so that edges go down."""
    layer = _layers(sizes, edges)
    chains, widths = _break_long_edges(sizes, edges, layer)
    rows = _ordered_rows(layer, chains)
    x = _place(rows, chains, widths)
    y, height = _heights(rows, sizes)
    left = min((x[n] - widths[n] / 2 for n in x), default=0.0)
    right = max((x[n] + widths[n] / 2 for n in x), default=0.0)
    centres = {n: (x[n] - left + GAP, y[layer[n]]) for n in x}
    paths = [(chain[0], chain[-1], [centres[n] for n in chain]) for chain in chains]
    return Layout({n: centres[n] for n in sizes}, paths, right - left + 2 * GAP, height)


def _layers(
    sizes: Mapping[str, tuple[float, float]], edges: Sequence[tuple[str, str]]
) -> dict[str, int]:
    """The longest path from a source to each node; edges must come in an order where sources come first."""
    layer = dict.fromkeys(sizes, 0)
    following = defaultdict(list)
    degree = dict.fromkeys(sizes, 0)
    for a, b in edges:
        following[a].append(b)
        degree[b] += 1
    ready = [n for n in sizes if not degree[n]]
    while ready:
        node = ready.pop()
        for other in following[node]:
            layer[other] = max(layer[other], layer[node] + 1)
            degree[other] -= 1
            if not degree[other]:
                ready.append(other)
    return _pulled_down(layer, following)


def _pulled_down(layer: dict[str, int], following: Mapping[str, list[str]]) -> dict[str, int]:
    """Moves sources (parameters, inputs) to just above what reads them."""
    has_above = {b for bs in following.values() for b in bs}
    for node in layer:
        if node not in has_above and following.get(node):
            layer[node] = min(layer[b] for b in following[node]) - 1
    lowest = min(layer.values(), default=0)
    return {n: k - lowest for n, k in layer.items()}


def _break_long_edges(
    sizes: Mapping[str, tuple[float, float]],
    edges: Sequence[tuple[str, str]],
    layer: dict[str, int],
) -> tuple[list[list[str]], dict[str, float]]:
    """Each edge as a chain of nodes in neighbouring layers; invisible ones are added to `layer`."""
    widths = {n: s[0] for n, s in sizes.items()}
    chains = []
    for number, (a, b) in enumerate(edges):
        chain = [a]
        for k in range(layer[a] + 1, layer[b]):
            dummy = f"\0{number}.{k}"
            layer[dummy], widths[dummy] = k, DUMMY_WIDTH
            chain.append(dummy)
        chains.append([*chain, b])
    return chains, widths


def _ordered_rows(layer: Mapping[str, int], chains: Sequence[Sequence[str]]) -> list[list[str]]:
    rows: list[list[str]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for node, k in layer.items():
        rows[k].append(node)
    above, below = _neighbours(chains)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        neighbours = above if down else below
        for k in range(1, len(rows)) if down else range(len(rows) - 2, -1, -1):
            fixed = {n: p for p, n in enumerate(rows[k - 1 if down else k + 1])}
            wanted = {
                n: _median([fixed[m] for m in neighbours[n] if m in fixed], own)
                for own, n in enumerate(rows[k])
            }
            rows[k].sort(key=wanted.__getitem__)
    return rows


def _neighbours(
    chains: Sequence[Sequence[str]],
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    above, below = defaultdict(list), defaultdict(list)
    for chain in chains:
        for a, b in pairwise(chain):
            below[a].append(b)
            above[b].append(a)
    return above, below


def _median(values: list[int], default: float) -> float:
    ordered = sorted(values)
    if not ordered:
        return default
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _place(
    rows: Sequence[Sequence[str]], chains: Sequence[Sequence[str]], widths: Mapping[str, float]
) -> dict[str, float]:
    """x of every node: near the mean of its neighbours, without overlaps."""
    x: dict[str, float] = {}
    for row in rows:
        at = 0.0
        for node in row:
            x[node] = at + widths[node] / 2
            at += widths[node] + GAP
    above, below = _neighbours(chains)
    for sweep in range(2 * SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            near = above if sweep % 2 == 0 else below
            wanted = {n: _mean([x[m] for m in near[n]], x[n]) for n in row}
            _spread(row, wanted, widths, x)
    return x


def _spread(
    row: Sequence[str],
    wanted: Mapping[str, float],
    widths: Mapping[str, float],
    x: dict[str, float],
) -> None:
    """Puts a row's nodes where they want to be, pushed apart where they collide: averages of two one-sided passes."""
    left: dict[str, float] = {}
    right: dict[str, float] = {}
    edge = -float("inf")
    for node in row:
        left[node] = max(wanted[node], edge + GAP + widths[node] / 2)
        edge = left[node] + widths[node] / 2
    edge = float("inf")
    for node in reversed(row):
        right[node] = min(wanted[node], edge - GAP - widths[node] / 2)
        edge = right[node] - widths[node] / 2
    edge = -float("inf")
    for node in row:
        x[node] = max((left[node] + right[node]) / 2, edge + GAP + widths[node] / 2)
        edge = x[node] + widths[node] / 2


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _heights(
    rows: Sequence[Sequence[str]], sizes: Mapping[str, tuple[float, float]]
) -> tuple[list[float], float]:
    y, at = [], GAP
    for row in rows:
        tallest = max((sizes[n][1] for n in row if n in sizes), default=0.0)
        y.append(at + tallest / 2)
        at += tallest + LAYER_GAP
    return y, at - LAYER_GAP + GAP if rows else 2 * GAP
