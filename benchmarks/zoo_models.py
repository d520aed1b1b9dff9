"""The public zoo's graphs with random weights: shapes found along the net, channels by the papers' tables.

The graphs stand in `$C2_SHARED/data/zoo` (no weights there); widths of ResNet-50 and SqueezeNet are those of the
papers, Inception-v2 gets one width for all convolutions. Weights are drawn so that activations keep their scale.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from c2.graph.check import check_net
from c2.graph.infer import infer_op
from c2.registry import TensorSpec, core_registry
from c2.serialize.messages import load_net

SHARED = Path(os.environ.get("C2_SHARED", Path(__file__).resolve().parents[2] / "shared"))
SQUEEZE = {"2": 16, "3": 16, "4": 32, "5": 32, "6": 48, "7": 48, "8": 64, "9": 64}


@dataclass
class ZooModel:
    """A predict net, its parameters, and the name and shape of its input."""

    name: str
    net: Any
    data: str
    shape: tuple[int, ...]
    parameters: dict[str, np.ndarray]

    def input(self, seed: int = 1, batch: int = 1) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return rng.standard_normal((batch, *self.shape[1:])).astype(np.float32)


def zoo_model(name: str, seed: int = 0, size: int | None = None) -> ZooModel:
    """A model by name: resnet50, squeezenet, inception_v2; `size` of the image where not the usual one."""
    kind = "pb" if name == "squeezenet" else "pbtxt"
    net = load_net(SHARED / "data" / "zoo" / f"{name}.predict_net.{kind}")
    data = next(i for i in net.external_input if i.endswith("data"))
    edge = size or (227 if name == "squeezenet" else 224)
    shape = (1, 3, edge, edge)
    return ZooModel(
        name, net, data, shape, random_parameters(net, {data: shape}, _width(name), seed)
    )


def random_parameters(
    net: Any, shapes: dict[str, tuple[int, ...]], width: Any, seed: int
) -> dict[str, np.ndarray]:
    """Arrays for every external input that has no shape yet, by what the operators that read them ask for.

    Args:
        width: weight name -> number of output channels.
    """
    rng = np.random.default_rng(seed)
    parameters: dict[str, np.ndarray] = {}
    specs = {n: TensorSpec(s, np.dtype(np.float32)) for n, s in shapes.items()}
    for op in check_net(net, core_registry()).ops:
        for position, name in enumerate(op.inputs):
            if name not in specs:
                parameters[name] = _parameter(op, position, specs, width, rng)
                specs[name] = TensorSpec(parameters[name].shape, np.dtype(np.float32))
        specs.update(zip(op.outputs, infer_op(op, [specs[n] for n in op.inputs])))
    return parameters


def _parameter(op: Any, position: int, specs: dict[str, Any], width: Any, rng: Any) -> np.ndarray:
    x, args, name = specs[op.inputs[0]], op.args, op.inputs[position]
    if op.type == "Conv" and position == 1:
        kernel = args["kernels"] or (args["kernel"],) * 2
        shape = (width(name), x.shape[1] // args["group"], *kernel)
        return _normal(rng, shape, np.sqrt(2 / np.prod(shape[1:])))
    if op.type == "FC" and position == 1:
        return _normal(
            rng, (width(name), int(np.prod(x.shape[1:]))), np.sqrt(1 / np.prod(x.shape[1:]))
        )
    if op.type in ("Conv", "FC"):
        return _normal(rng, (specs[op.inputs[1]].shape[0],), 0.1)
    if op.type == "SpatialBN" and position == 4:
        return rng.uniform(0.5, 1.5, x.shape[1]).astype(np.float32)
    if op.type in ("SpatialBN", "Mul"):
        near_one = (op.type == "Mul" and position == 1) or position == 1
        return _normal(rng, (x.shape[1],), 0.1) + np.float32(near_one)
    if op.type == "Add":
        return _normal(rng, (x.shape[1],), 0.1)
    raise ValueError(f"what shape {op.type} wants for '{name}' is not known here")


def _normal(rng: Any, shape: tuple[int, ...], scale: float) -> np.ndarray:
    return (rng.standard_normal(shape) * scale).astype(np.float32)


def _width(model: str) -> Any:
    def resnet50(name: str) -> int:
        found = re.search(r"res(\d)_\d+_branch(\w+)_w", name)
        if not found:
            return 1000 if "pred" in name else 64
        narrow = 64 << (int(found[1]) - 2)
        return narrow if found[2] in ("2a", "2b") else 4 * narrow

    def squeezenet(name: str) -> int:
        found = re.search(r"fire(\d)/(squeeze|expand)", name)
        if not found:
            return 1000 if "10" in name else 64
        return SQUEEZE[found[1]] * (1 if found[2] == "squeeze" else 4)

    def inception_v2(name: str) -> int:
        return 1000 if "classifier" in name else 64

    return {"resnet50": resnet50, "squeezenet": squeezenet, "inception_v2": inception_v2}[model]
