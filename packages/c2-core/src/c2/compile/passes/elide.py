"""Elide: operators that pass their input on as it is leave the graph."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from c2.compile.graph import Graph, Node, rewritten, without


def elide_copies(graph: Graph) -> Graph:
    """Takes away Copy, StopGradient and Dropout in test mode; who read their result reads their input.

    It stays where its input or its result is memory rather than a value (written several times, or there before the
    net runs), where both are kept, or where somebody reads another output, such as Dropout's mask.
    """
    return rewritten(graph, _elide_at)


def _elide_at(graph: Graph, position: int) -> Graph | None:
    node = graph.nodes[position]
    if not _passes_on(node) or node.post or node.input_specs[0] != node.output_specs[0]:
        return None
    source, result = node.inputs[0], node.outputs[0]
    if graph.maker().get(source, position) >= position:
        return None
    writes = Counter(n for one in graph.nodes for n in one.outputs)
    readers = graph.readers()
    if writes[source] != 1 or writes[result] != 1 or any(readers[n] for n in node.outputs[1:]):
        return None
    if source in graph.keep and result in graph.keep:
        return None
    left, taken = (source, result) if result not in graph.keep else (result, source)
    nodes = tuple(one.with_blobs({taken: left}) for one in without(graph, [position]))
    why = f"{node.type} passes on '{source}' as it is, and was left out"
    gone = {n: why for n in node.outputs if n != left}
    if taken == source:
        gone[source] = f"it is '{result}'"
    return replace(graph, nodes=nodes, gone={**graph.gone, **gone}).logged(
        f"elide: {node.type} '{result}'"
    )


def _passes_on(node: Node) -> bool:
    return node.type in ("Copy", "StopGradient") or (
        node.type == "Dropout" and bool(node.op.args["is_test"])
    )
