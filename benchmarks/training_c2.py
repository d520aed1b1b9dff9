"""A training net of c2 in one form, ready for training.py; `export` writes parameters, a batch and labels for all."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from serve import serve
from training_models import CLASSES, SHAPES, training_model

import c2
from c2.compile.net import CompiledNet
from c2.graph.check import check_net
from c2.registry import core_registry

STEPS_BEFORE = 1  # serve.py takes two more before it asks for losses


def export(name: str, job: Path, batch: int) -> None:
    model = training_model(name)
    model.set_random_seed(1)
    workspace = c2.Workspace(registry=core_registry())
    workspace.run(model.param_init_net)
    rng = np.random.default_rng(0)
    arrays = {str(p): workspace[str(p)] for p in model.get_all_params()}
    arrays["data"] = rng.standard_normal((batch, *SHAPES[name])).astype(np.float32)
    arrays["label"] = rng.integers(0, CLASSES[name], batch).astype(np.int32)
    np.savez(job, **arrays)


def ready(form: str, name: str, job: Path, threads: int) -> tuple[Any, Any]:
    """A call that takes a step, and one that gives the losses so far."""
    if form == "oneDNN":
        os.environ["C2_DISABLE_PLUGINS"] = "nnpack"
    registry = c2.registry.default() if form in ("MKL", "oneDNN") else core_registry()
    model, workspace = training_model(name), c2.Workspace(registry=registry)
    workspace.run(model.param_init_net)
    for blob, value in np.load(job).items():
        workspace.feed(blob, value)
    if form == "simple":
        net = workspace.create(model.net)
    else:
        checked = check_net(model.net.proto, registry)
        net = CompiledNet(checked, workspace, registry, keep=["loss"], threads=threads)
    losses: list[float] = []

    def step() -> None:
        net.run()
        losses.append(float(workspace["loss"]))

    for _ in range(STEPS_BEFORE):
        step()
    return step, lambda: np.array(losses[:3])


def main() -> None:
    form, name, job, number = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    if form == "export":
        export(name, job, number)
    else:
        serve(lambda: None, lambda: ready(form, name, job, number), lambda: c2.__version__)


if __name__ == "__main__":
    main()
