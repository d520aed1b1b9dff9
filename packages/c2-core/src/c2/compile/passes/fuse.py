"""Fuse: an elementwise operator that only reads the output of its producer becomes part of it."""

from __future__ import annotations

from dataclasses import replace

from c2.compile.graph import Graph, Node, same_device, without
from c2.graph.net import renamed_op

# Unary operators that a producer may do to its own output while it is still in cache.
ACTIVATIONS = frozenset(
    {"Relu", "LeakyRelu", "Clip", "Sigmoid", "Tanh", "Elu", "Swish", "HardSigmoid", "Gelu"}
)
# Operators whose kernels write each output element once, so that there is something to do it to.
PRODUCERS = frozenset(
    {"Conv", "ConvTranspose", "FC", "MatMul", "BatchMatMul", "SpatialBN", "Add", "Sub", "Mul", "Div", "Sum",
     "MaxPool", "AveragePool"}
)  # fmt: skip


def fuse_activations(graph: Graph) -> Graph:
    """Moves activations into the node that makes their input, where nobody else reads it.

    The producer's native kernel may do it in its inner loop; a Python kernel does it in place on its output.
    """
    position = 0
    while position < len(graph.nodes):
        node = graph.nodes[position]
        maker = graph.maker().get(node.inputs[0]) if node.type in ACTIVATIONS else None
        if (
            maker is None
            or not _fits(graph, graph.nodes[maker], node)
            or not graph.may_move(position, maker)
        ):
            position += 1
            continue
        nodes = list(graph.nodes)
        nodes[maker] = _fused(graph.nodes[maker], node)
        between = node.inputs[0]
        graph = replace(
            graph,
            nodes=without(replace(graph, nodes=tuple(nodes)), [position]),
            gone={**graph.gone, between: f"{node.type} was fused into the operator that made it"},
        ).logged(f"fuse: {node.type} '{node.outputs[0]}' into {graph.nodes[maker].label}")
    return graph


def _fits(graph: Graph, producer: Node, activation: Node) -> bool:
    return (
        producer.type in PRODUCERS
        and (len(producer.outputs) == 1 or producer.type == "SpatialBN")
        and producer.outputs[0] == activation.inputs[0]
        and graph.readers()[activation.inputs[0]] == 1
        and producer.output_specs[0] == activation.output_specs[0]
        and same_device(activation, producer)
    )


def _fused(producer: Node, activation: Node) -> Node:
    rename = {producer.outputs[0]: activation.outputs[0]}
    op = renamed_op(producer.op.op, {})
    op.output[0] = activation.outputs[0]
    posts = [replace(p, op=renamed_op(p.op, rename)) for p in (*producer.post, activation.op)]
    for post in posts:
        post.op.input[:1] = activation.outputs
    return replace(producer, op=replace(producer.op, op=op), post=tuple(posts))
