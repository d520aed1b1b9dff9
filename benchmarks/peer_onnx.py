"""Writes model.onnx of the graph and weights in a job's folder.

python peer_onnx.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from peer_graph import pads_of, per_axis, read_graph, tails

SAME = {"Relu": "Relu", "Sum": "Sum", "Dropout": "Identity"}


def onnx_model(graph: dict[str, Any], weights: dict[str, np.ndarray]) -> bytes:
    """The model in opset 13; a blob that is written several times gets a name each time."""
    shapes = graph["shapes"]
    nodes: list[Any] = []
    names: dict[str, str] = {}
    for k, op in enumerate(graph["ops"]):
        inputs = [names.get(n, n) for n in op["inputs"]]
        outputs = [f"{n}_{k}" for n in op["outputs"]]
        made = onnx_nodes(op, inputs, outputs[0], shapes)
        made[-1].name = outputs[0]
        nodes += made
        names.update(zip(op["outputs"], outputs))
    initial = [numpy_helper.from_array(v, n) for n, v in weights.items()]
    data, out = graph["data"], graph["out"]
    ends = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, list(s))
        for n, s in ((data, shapes[data]), (names[out], shapes[out]))
    ]
    made = helper.make_graph(nodes, "net", ends[:1], ends[1:], initial)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


def onnx_nodes(op: dict[str, Any], inputs: list[str], y: str, shapes: Any) -> list[Any]:
    """The nodes that do what one operator does."""
    type_, args = op["type"], op["args"]
    if type_ == "FC":
        flat = helper.make_node("Flatten", inputs[:1], [f"{y}_flat"])
        return [flat, helper.make_node("Gemm", [f"{y}_flat", *inputs[1:]], [y], transB=1)]
    if type_ == "SpatialBN":
        return [helper.make_node("BatchNormalization", inputs, [y], epsilon=args["epsilon"])]
    if type_ == "Clip":
        ends = [f"{y}_{end}" for end in ("min", "max")]
        limits = zip(ends, (args["min"], args["max"]))
        nodes = [helper.make_node("Constant", [], [n], value_float=v) for n, v in limits]
        return [*nodes, helper.make_node("Clip", [*inputs, *ends], [y])]
    if type_ == "Concat":
        return [helper.make_node("Concat", inputs, [y], axis=1)]
    if type_ in SAME:
        return [helper.make_node(SAME[type_], inputs, [y])]
    return [onnx_window(op, inputs, y, shapes)]


def onnx_window(op: dict[str, Any], inputs: list[str], y: str, shapes: Any) -> Any:
    """The node of a convolution or a pool."""
    type_, args = op["type"], op["args"]
    strides = per_axis(args, "stride", 1)
    if type_ == "Conv":
        kernel, more = shapes[op["inputs"][1]][2:], per_axis(args, "dilation", 1)
        return helper.make_node(
            "Conv", inputs, [y], kernel_shape=kernel, strides=strides, pads=pads_of(args),
            group=args["group"], dilations=more,
        )  # fmt: skip
    assert type_ in ("MaxPool", "AveragePool"), type_
    if args.get("global_pooling"):
        return helper.make_node(f"Global{type_}", inputs, [y])
    kernel, pads = per_axis(args, "kernel", 1), tails(op, shapes)
    return helper.make_node(type_, inputs, [y], kernel_shape=kernel, strides=strides, pads=pads)


if __name__ == "__main__":
    FOLDER = Path(sys.argv[1])
    (FOLDER / "model.onnx").write_bytes(onnx_model(*read_graph(FOLDER)))
