"""Milliseconds of each operator in onnxruntime or OpenVINO, for inference_operators.py; lower quartiles of some runs.

    python profile_peer.py RUNTIME JOB THREADS RUNS

Prints {node: ms}. Nodes keep the names that peer_onnx.py gave them, with the runtime's own additions.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from statistics import quantiles
from typing import Any

import numpy as np

RUNS_OF_A_MODEL = 6  # OpenVINO


def onnxruntime(job: Path, threads: int, runs: int) -> dict[str, list[float]]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.enable_profiling = True
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = f"{folder}/profile"
        path = str(job / "model.onnx")
        session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
        feed = {session.get_inputs()[0].name: np.load(job / "input.npy")}
        for _ in range(runs):
            session.run(None, feed)
        events = json.loads(Path(session.end_profiling()).read_text())
    found: dict[str, list[float]] = {}
    for event in events:
        name, is_kernel, _ = event["name"].rpartition("_kernel_time")
        if event.get("cat") == "Node" and is_kernel:
            found.setdefault(name, []).append(event["dur"] / 1e3)
    return found


def openvino(job: Path, threads: int, runs: int) -> dict[str, list[float]]:
    """It tells the mean of all runs so far in whole microseconds: hence few runs of several models."""
    import openvino

    settings = {
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads,
        "PERF_COUNT": True,
    }  # fmt: skip
    core, image = openvino.Core(), np.load(job / "input.npy")
    names: list[str] = []
    found: list[list[float]] = []
    for _ in range(runs // RUNS_OF_A_MODEL):
        model = core.compile_model(job / "model.onnx", "CPU", settings)
        request = model.create_infer_request()
        request.set_input_tensor(openvino.Tensor(image, shared_memory=True))
        if not names:  # another model may get other names for the same nodes
            request.infer()
            names = full_names(model, request)
            found = [[] for _ in names]
            continue
        sums = [0.0] * len(names)
        for run in range(1, RUNS_OF_A_MODEL + 1):
            request.infer()
            for k, info in enumerate(request.get_profiling_info()):
                total = 1e3 * info.real_time.total_seconds() * run
                found[k].append(total - sums[k])
                sums[k] = total
    return {f"{k} {name}": times for k, (name, times) in enumerate(zip(names, found))}


def full_names(model: Any, request: Any) -> list[str]:
    """Of each node that is profiled, with those of the layers that became it."""
    layers = {
        op.friendly_name: op.rt_info["originalLayersNames"].value
        for op in model.get_runtime_model().get_ops()
    }
    profiled = [info.node_name for info in request.get_profiling_info()]
    return [f"{name},{layers.get(name, '')}" for name in profiled]


def lower_quartile(times: list[float]) -> float:
    """What a run takes on a machine that others use too."""
    return quantiles(times, n=4)[0]


if __name__ == "__main__":
    RUNTIMES = {"onnxruntime": onnxruntime, "openvino": openvino}
    FOUND = RUNTIMES[sys.argv[1]](Path(sys.argv[2]), *map(int, sys.argv[3:]))
    print(json.dumps({name: lower_quartile(times) for name, times in FOUND.items() if any(times)}))
