"""The graph that inference_job.py wrote, as peers read it: no c2 is needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np


def read_graph(job: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(data, out, ops and shapes by name; the weights)."""
    return json.loads((job / "graph.json").read_text()), dict(np.load(job / "weights.npz"))


def per_axis(args: dict[str, Any], name: str, default: int) -> list[int]:
    return list(args.get(f"{name}s") or [args.get(name, default)] * 2)


def pads_of(args: dict[str, Any]) -> list[int]:
    """Heads of both axes, then tails."""
    sides = [args.get(f"pad_{side}") for side in "tlbr"]
    if None not in sides:
        return sides
    return list(args.get("pads") or [args.get("pad", 0)] * 4)


def tails(op: dict[str, Any], shapes: dict[str, Any]) -> list[int]:
    """Pads that give the output its size: legacy_pad may round it up."""
    args, head = op["args"], pads_of(op["args"])[:2]
    kernel, stride = per_axis(args, "kernel", 1), per_axis(args, "stride", 1)
    X, Y = (shapes[n][2:] for n in (op["inputs"][0], op["outputs"][0]))
    spans = zip(Y, stride, kernel, X, head)
    return head + [max(0, (y - 1) * s + k - x - h) for y, s, k, x, h in spans]
