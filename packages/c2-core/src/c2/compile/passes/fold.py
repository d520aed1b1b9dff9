"""Fold: what scales and shifts channels by constants moves into the weights of the operator before it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from c2.compile.graph import Graph, Node, rewritten, without
from c2.registry import TensorSpec

Array = np.ndarray[Any, Any]
# Operators linear in their weights: the axis of the output channel in W (of ConvTranspose: in order NCHW).
_LINEAR = {"Conv": 0, "ConvTranspose": 1, "FC": 0}


def fold_channel_affine(graph: Graph) -> Graph:
    """Folds SpatialBN in test mode, and Mul and Add by channel, into the Conv, ConvTranspose or FC before them.

    With Y = (W * X + b) * scale + shift, the new weights are W * scale and the new bias b * scale + shift. It needs
    constant weights, and that nobody else reads what lies between.
    """
    return rewritten(graph, _fold_at)


def _fold_at(graph: Graph, position: int) -> Graph | None:
    affine = graph.nodes[position]
    maker = graph.maker().get(affine.inputs[0]) if affine.inputs else None
    if maker is None or graph.readers()[affine.inputs[0]] != 1 or len(affine.outputs) != 1:
        return None
    if not graph.may_move(position, maker):
        return None
    linear = graph.nodes[maker]
    found = _scale_and_shift(affine, graph.constants, linear.op.args.get("order", "NCHW"))
    if found is None or not _can_fold(linear, graph.constants):
        return None
    weights, bias = _folded_weights(linear, graph.constants, *found)
    names = [f"{linear.inputs[1]}|{affine.outputs[0]}", f"b|{affine.outputs[0]}"]
    constants = {**graph.constants, names[0]: weights, names[1]: bias}
    between = linear.outputs[0]
    node = _with_weights(linear, names, (weights, bias), affine)
    nodes = list(graph.nodes)
    nodes[maker] = node
    return replace(
        graph,
        nodes=without(replace(graph, nodes=tuple(nodes)), [position]),
        constants=constants,
        gone={
            **graph.gone,
            between: f"{affine.type} was folded into the {linear.type} that made it",
        },
    ).logged(f"fold: {affine.type} '{affine.outputs[0]}' into {linear.type} '{between}'")


def _scale_and_shift(node: Node, constants: Any, order: str) -> tuple[Array, Array] | None:
    """Factor and summand per channel of a node that is affine by channel, in float64; None where it is not."""
    args, values = node.op.args, [constants.get(n) for n in node.inputs[1:]]
    if not values or any(v is None for v in values):
        return None
    if node.type == "SpatialBN" and args.get("is_test") and args.get("order", "NCHW") == order:
        scale, bias, mean, var = (v.astype(np.float64) for v in values[:4])
        factor = scale / np.sqrt(var + args["epsilon"])
        return factor, bias - mean * factor
    spec = node.input_specs[0]
    if spec is None or spec.shape is None or not args.get("broadcast") or values[0].ndim != 1:
        return None
    axis = 1 if order == "NCHW" else spec.ndim - 1
    there = args.get("axis") in (axis, axis - spec.ndim)
    if there and values[0].shape == spec.shape[axis : axis + 1]:
        vector = values[0].astype(np.float64)
        if node.type == "Mul":
            return vector, np.zeros_like(vector)
        if node.type == "Add":
            return np.ones_like(vector), vector
    return None


def _can_fold(node: Node, constants: Any) -> bool:
    if node.type not in _LINEAR or node.post or len(node.outputs) != 1:
        return False
    args = node.op.args
    plain = args.get("axis", 1) == 1 and args.get("axis_w", 1) == 1
    known = node.type == "Conv" or args.get("order", "NCHW") == "NCHW"
    grouped = node.type == "ConvTranspose" and args.get("group", 1) != 1
    return plain and known and not grouped and all(n in constants for n in node.inputs[1:])


def _folded_weights(node: Node, constants: Any, scale: Array, shift: Array) -> tuple[Array, Array]:
    weights = constants[node.inputs[1]]
    shape = [1] * weights.ndim
    shape[_LINEAR[node.type]] = -1
    bias = constants[node.inputs[2]].astype(np.float64) if len(node.inputs) > 2 else 0.0
    dtype = weights.dtype
    return weights * scale.reshape(shape).astype(dtype), (bias * scale + shift).astype(dtype)


def _with_weights(node: Node, names: list[str], arrays: tuple[Array, Array], affine: Node) -> Node:
    op = type(node.op.op)()
    op.CopyFrom(node.op.op)
    op.input[1:] = names
    op.output[:] = affine.outputs
    for arg in list(op.arg):
        if arg.name == "no_bias":
            op.arg.remove(arg)
    args = {**node.op.args, **({"no_bias": 0} if "no_bias" in node.op.args else {})}
    specs = tuple(TensorSpec(a.shape, a.dtype) for a in arrays)
    inputs = (node.input_specs[0], *specs)
    return Node(replace(node.op, op=op, args=args), inputs, affine.output_specs, node.home)
