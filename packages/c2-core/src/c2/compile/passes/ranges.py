"""Ranges: blobs that are to lie side by side, or that pass through unchanged, are given one range for int8."""

from __future__ import annotations

from dataclasses import replace

from c2.compile.graph import Graph
from c2.compile.precision import Range

JOINING = frozenset({"Concat", "DepthConcat"})
PASSING = frozenset(
    {"MaxPool", "MaxPool1D", "MaxPool2D", "MaxPool3D", "Copy", "Flatten", "FlattenToVec", "Dropout", "Reshape",
     "Squeeze", "ExpandDims", "Transpose", "NCHW2NHWC", "NHWC2NCHW", "ChannelShuffle", "ResizeNearest"}
)  # fmt: skip


def share_ranges(graph: Graph) -> Graph:
    """Widens the ranges of what is joined to that of the whole, back to the operators that make it.

    Then a Concat only moves bytes: its inputs have been rounded to the same steps already. Nothing is done to graphs
    without ranges.
    """
    ranges = dict(graph.precision.ranges)
    for node in reversed(graph.nodes if ranges else ()):
        whole = ranges.get(node.outputs[0]) if node.outputs else None
        if whole is None or node.type not in JOINING | PASSING:
            continue
        for name in node.inputs if node.type in JOINING else node.inputs[:1]:
            if name in ranges:
                ranges[name] = _hull(ranges[name], whole)
    if ranges == graph.precision.ranges:
        return graph
    widened = [n for n, found in ranges.items() if found != graph.precision.ranges[n]]
    done = replace(graph, precision=replace(graph.precision, ranges=ranges))
    return done.logged(
        f"ranges: {', '.join(map(repr, widened))} as wide as what they are joined into"
    )


def _hull(a: Range, b: Range) -> Range:
    return min(a[0], b[0]), max(a[1], b[1])
