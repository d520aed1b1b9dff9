"""Sum of two blobs, one of which a convolution has just made: the convolution adds the other one itself."""

from __future__ import annotations

from dataclasses import replace

from c2.compile.graph import Graph, Node, rewritten, same_device, without
from c2.graph.net import renamed_op

ADDITIONS = frozenset({"Sum", "Add"})
ADDING = frozenset({"Conv", "Conv1D", "Conv2D", "Conv3D"})


def fuse_sums(graph: Graph) -> Graph:
    """Moves a Sum (or an Add without broadcasting) of two blobs into the convolution that made one of them last.

    The convolution takes the Sum's place, as the other summand may be made after it.
    """
    return rewritten(graph, _fuse_at)


def _fuse_at(graph: Graph, position: int) -> Graph | None:
    node, maker = graph.nodes[position], graph.maker()
    if (
        node.type not in ADDITIONS
        or len(node.inputs) != 2
        or len(set(node.inputs)) != 2
        or node.post
    ):
        return None
    if not node.input_specs[0] == node.input_specs[1] == node.output_specs[0]:
        return None
    made = [maker[n] for n in node.inputs if n in maker and _adds(graph, maker[n], n, position)]
    if not made:
        return None
    at = max(made)
    between = graph.nodes[at].outputs[0]
    other = next(n for n in node.inputs if n != between)
    nodes = list(graph.nodes)
    nodes[position] = _fused(graph.nodes[at], node, other)
    return replace(
        graph,
        nodes=without(replace(graph, nodes=tuple(nodes)), [at]),
        gone={**graph.gone, between: f"{node.type} was fused into the operator that made it"},
    ).logged(f"fuse: {node.type} '{node.outputs[0]}' into {graph.nodes[at].label} '{between}'")


def _adds(graph: Graph, at: int, name: str, position: int) -> bool:
    """Whether the convolution may be done where the Sum stands: its inputs are still the same there."""
    conv = graph.nodes[at]
    written = {n for node in graph.nodes[at + 1 : position] for n in node.outputs}
    return (
        conv.type in ADDING
        and not conv.post
        and at < position
        and graph.readers()[name] == 1
        and written.isdisjoint((*conv.inputs, name))
        and same_device(graph.nodes[position], conv)
    )


def _fused(conv: Node, addition: Node, other: str) -> Node:
    op = renamed_op(conv.op.op, {})
    op.output[:] = addition.outputs
    added = renamed_op(addition.op.op, {})
    added.input[:] = [addition.outputs[0], other]
    return replace(
        conv,
        op=replace(conv.op, op=op),
        input_specs=(*conv.input_specs, addition.output_specs[0]),
        output_specs=addition.output_specs,
        post=(replace(addition.op, op=added),),
        extra=(other,),
    )
