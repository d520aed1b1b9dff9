"""Writes what every runtime of inference.py reads: a net with random weights in the forms that they load.

    python inference_job.py FOLDER NET BATCH

FOLDER gets init_net.pb and predict_net.pb (c2 and Caffe2), graph.json and weights.npz (PyTorch; peer_onnx.py makes
model.onnx of them), input.npy, and expected.npy: what c2's simple net makes of it without plugins. Prints the
floating-point operations of a run, those of convolutions and FC alone.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from nets import benchmark_net

import c2
from c2.graph.check import check_net
from c2.graph.infer import infer_net
from c2.registry import TensorSpec, core_registry
from c2.serialize.init_net import params_to_init_net
from c2.serialize.model_files import save_model


def write_job(folder: Path, name: str, batch: int) -> int:
    """Writes all files and gives the number of floating-point operations."""
    model = benchmark_net(name)
    net, image = model.net, model.input(batch=batch)
    (out,) = net.external_output
    workspace = c2.Workspace(registry=core_registry())
    for blob, value in {**model.parameters, model.data: image}.items():
        workspace.feed(blob, value)
    workspace.create(net).run()
    save_model(folder, params_to_init_net(model.parameters), net)
    np.save(folder / "expected.npy", workspace[out])
    np.save(folder / "input.npy", image)
    np.savez(folder / "weights.npz", **model.parameters)
    checked = check_net(net, core_registry())
    arrays = {**model.parameters, model.data: image}
    inferred = infer_net(checked, {n: TensorSpec(v.shape, v.dtype) for n, v in arrays.items()})
    shapes = {n: v.shape for n, v in arrays.items()}
    shapes.update((op.checked.outputs[0], op.outputs[0].shape) for op in inferred.ops)
    ops = [
        {"type": op.type, "inputs": op.inputs, "outputs": op.outputs, "args": _plain(op.args)}
        for op in checked.ops
    ]
    graph = {"data": model.data, "out": out, "ops": ops, "shapes": shapes}
    (folder / "graph.json").write_text(json.dumps(graph))
    return int(sum(_flops(op) for op in inferred.ops if op.checked.type in ("Conv", "FC")))


def _flops(op: Any) -> int:
    return int(op.checked.schema.cost(*op.inputs, **op.checked.args))


def _plain(args: dict[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in args.items() if v is not None and not isinstance(v, bytes)}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in kept.items()}


if __name__ == "__main__":
    print(json.dumps({"flops": write_job(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))}))
