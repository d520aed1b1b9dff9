"""The net of a job in c2, in one of its forms.

`simple` and `compiled` are by NumPy alone, `MKL` is compiled with the installed plugins, `NNPACK` without c2-mkl
(serve_c2.py turns it off), and `Predictor` is `MKL` called as a user does: an array is copied in, one is copied out.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

import c2.registry
from c2.compile.net import CompiledNet
from c2.graph.check import check_net
from c2.registry import core_registry
from c2.serialize.model_files import load_model


def version(form: str) -> str:
    """Of c2, and of what computes."""
    if form in ("simple", "compiled"):
        return f"{c2.__version__}, numpy {np.__version__}"
    if form == "NNPACK":
        from c2_nnpack.kernels import INSTRUCTIONS, vector_lanes

        return f"{c2.__version__}, {INSTRUCTIONS[vector_lanes()]}"
    from c2_mkl.library import onednn

    return f"{c2.__version__}, oneDNN {'.'.join(map(str, onednn().version))}"


def ready(form: str, job: Path, precision: str, threads: int) -> tuple[Any, ...]:
    """A call that runs the net once, one that fetches the result, and where native kernels serve one for `kinds`."""
    image = np.load(job / "input.npy")
    if form == "Predictor":
        return _predictor(job, image, precision, threads)
    registry = c2.registry.default() if form in ("MKL", "NNPACK") else core_registry()
    init_net, net = load_model(job)
    workspace = c2.Workspace(registry=registry)
    workspace.run_once(init_net)
    weights = workspace.blobs()
    del init_net
    checked = check_net(net, registry)
    (data,), (out,) = set(checked.needs()) - set(weights), net.external_output
    workspace.feed(data, image)
    if form == "simple":
        return workspace.create(net).run, lambda: workspace[out]
    how: dict[str, Any] = {"threads": threads, "precision": precision}
    made = CompiledNet(checked, workspace, registry, constants=weights, **how)
    return made.run, lambda: workspace[out], lambda: kinds(made)


def kinds(net: CompiledNet) -> dict[str, int]:
    """How many convolutions and products of matrices compute in which precision."""
    linear = [s for s in net.program().stages if s.node.type in ("Conv", "FC", "MatMul")]
    found = Counter(next((p for p in ("bf16", "int8") if p in s.engine), "fp32") for s in linear)
    return dict(found)


def _predictor(
    job: Path, image: np.ndarray[Any, Any], precision: str, threads: int
) -> tuple[Any, Any]:
    predict = c2.Predictor.load(job, threads=threads, precision=precision)
    last: list[Any] = [None]

    def run() -> None:
        last[0] = predict(image)

    return run, lambda: last[0][predict.outputs[0]]
