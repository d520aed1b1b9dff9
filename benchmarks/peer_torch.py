"""The graph of a job in PyTorch, with batch norms folded into convolutions: eager, channels last, compiled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peer_graph import pads_of, per_axis, read_graph, tails
from torch.nn import functional as F

Blobs = dict[str, torch.Tensor]
Step = tuple[str, Callable[[Blobs], torch.Tensor]]  # the blob it makes, and how


class Compilable(torch.nn.Module):
    """The steps as a module: a compiler may compute with the parameters of one."""

    def __init__(self, steps: list[Step], weights: Blobs, data: str) -> None:
        super().__init__()
        self.steps, self.names, self.data = steps, list(weights), data
        self.weights = torch.nn.ParameterList(
            torch.nn.Parameter(w, requires_grad=False) for w in weights.values()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return run_steps(self.steps, {**dict(zip(self.names, self.weights)), self.data: x})


def torch_run(job: Path, precision: str, threads: int, form: str) -> tuple[Any, ...]:
    """A call that runs the net once and one that fetches the result; forms: eager, channels-last, compiled."""
    torch.set_num_threads(threads)
    graph, arrays = read_graph(job)
    place = torch.contiguous_format if form == "eager" else torch.channels_last
    weights = {n: torch.from_numpy(v) for n, v in arrays.items()}
    image = _placed(torch.from_numpy(np.load(job / "input.npy")), place)
    steps = [
        (op["outputs"][0], torch_step(op, graph["shapes"])) for op in folded(graph["ops"], weights)
    ]
    kind = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    weights = {n: _placed(v, place).to(kind) for n, v in weights.items()}
    blobs, data = {**weights, graph["data"]: image.to(kind)}, graph["data"]
    call: Any = lambda x: run_steps(steps, {**blobs, data: x})  # noqa: E731
    if form == "compiled":
        import torch._inductor.config as inductor

        inductor.freezing = True
        call = torch.compile(Compilable(steps, weights, data).eval())
    last: list[Any] = [None]

    def run() -> None:
        with torch.no_grad():
            last[0] = call(image.to(kind))  # the image comes as float32, as for all runtimes

    def kinds() -> dict[str, int]:
        return {precision if last[0].dtype == kind else str(last[0].dtype): len(steps)}

    return run, lambda: last[0].contiguous().float().numpy(), kinds


def run_steps(steps: list[Step], blobs: Blobs) -> torch.Tensor:
    name = ""
    for name, step in steps:
        blobs[name] = step(blobs)
    return blobs[name]


def _placed(value: torch.Tensor, place: torch.memory_format) -> torch.Tensor:
    return value.to(memory_format=place) if value.ndim == 4 else value


def folded(listed: list[dict[str, Any]], weights: Blobs) -> list[dict[str, Any]]:
    """The operators with each SpatialBN in the convolution before it, whose new weights join the others."""
    ops: list[dict[str, Any]] = []
    for op in listed:
        if op["type"] != "SpatialBN":
            ops.append(op)
            continue
        conv, key = ops[-1], op["outputs"][0]
        assert conv["type"] == "Conv"
        assert conv["outputs"][0] == op["inputs"][0]
        scale, bias, mean, var = (weights.pop(n) for n in op["inputs"][1:])
        factor = scale / (var + op["args"]["epsilon"]).sqrt()
        shift = bias - mean * factor
        for name in conv["inputs"][2:]:
            shift = shift + weights.pop(name) * factor
        weights[f"{key}|w"] = weights.pop(conv["inputs"][1]) * factor[:, None, None, None]
        weights[f"{key}|b"] = shift
        inputs = [conv["inputs"][0], f"{key}|w", f"{key}|b"]
        ops[-1] = {**conv, "inputs": inputs, "outputs": op["outputs"]}
    return ops


def torch_step(op: Any, shapes: Any) -> Callable[[Blobs], torch.Tensor]:
    """What one operator does, as a function of all blobs so far."""
    args, type_ = op["args"], op["type"]
    x, *more = op["inputs"]
    if type_ in ("Conv", "MaxPool", "AveragePool"):
        return torch_window(op, shapes)
    if type_ == "FC":
        return lambda b: F.linear(b[x].flatten(1), b[more[0]], b[more[1]])
    if type_ == "Sum":
        return lambda b: b[x] + b[more[0]]
    if type_ == "Concat":
        return lambda b: torch.cat([b[x], *(b[n] for n in more)], 1)
    if type_ == "Clip":
        low, high = args["min"], args["max"]
        return lambda b: F.hardtanh(b[x], low, high)
    return {"Relu": lambda b: F.relu(b[x]), "Dropout": lambda b: b[x]}[type_]


def torch_window(op: Any, shapes: Any) -> Callable[[Blobs], torch.Tensor]:
    """A convolution or a pool."""
    args, x, y = op["args"], op["inputs"][0], op["outputs"][0]
    stride = per_axis(args, "stride", 1)
    if op["type"] == "Conv":
        more, pad = op["inputs"][1:], pads_of(args)[:2]
        how = {"stride": stride, "padding": pad, "dilation": per_axis(args, "dilation", 1)}
        return lambda b: F.conv2d(b[x], *(b[n] for n in more), **how, groups=args["group"])
    if args.get("global_pooling"):
        assert op["type"] == "AveragePool"
        return lambda b: F.adaptive_avg_pool2d(b[x], 1)
    kernel, pads = per_axis(args, "kernel", 1), tails(op, shapes)
    if op["type"] == "AveragePool":
        return lambda b: F.avg_pool2d(b[x], kernel, stride, pads[:2], count_include_pad=False)
    sizes = zip(shapes[x][2:], shapes[y][2:], kernel, stride, pads)
    ceil = any((i + 2 * p - k) // s + 1 < o for i, o, k, s, p in sizes)
    return lambda b: F.max_pool2d(b[x], kernel, stride, pads[:2], ceil_mode=ceil)
