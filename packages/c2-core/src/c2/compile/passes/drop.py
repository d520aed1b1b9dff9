"""Drop: gradients that nobody reads, such as that of the data, are not computed."""

from __future__ import annotations

from dataclasses import replace

from c2.compile.graph import Graph, Node

# Operators whose last outputs may be left out, and cost as much as the others.
GRADIENTS = frozenset(
    {"FCGradient", "FCTransposedGradient", *(f"Conv{rank}Gradient" for rank in ("", "1D", "2D", "3D"))}
)  # fmt: skip


def drop_unread_gradients(graph: Graph) -> Graph:
    """Takes last, optional outputs that nobody reads or keeps away from FCGradient and ConvGradient."""
    readers, nodes, gone = graph.readers(), [], dict(graph.gone)
    for node in graph.nodes:
        kept = node
        while _may_lose_last(kept) and not readers[kept.outputs[-1]]:
            name = kept.outputs[-1]
            gone[name] = "nobody reads it, so it is not computed"
            graph = graph.logged(f"drop: output '{name}' of {node.type}")
            shorter = replace(kept, output_specs=kept.output_specs[:-1])
            kept = shorter.with_names(kept.inputs, kept.outputs[:-1])
        nodes.append(kept)
    return replace(graph, nodes=tuple(nodes), gone=gone)


def _may_lose_last(node: Node) -> bool:
    last = len(node.outputs) - 1
    return node.type in GRADIENTS and last > 0 and node.op.schema.output(last).optional
