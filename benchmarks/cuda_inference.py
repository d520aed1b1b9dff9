"""Inference on a GPU: c2 beside PyTorch, eager and compiled, interleaved in one process.

    python benchmarks/cuda_inference.py [--nets NAME ...] [--batch N ...] [--runs N] [--device CUDA] [--json FILE]

Needs PyTorch and CuPy for the same CUDA. Weights and images are random and the same for all. Before timing, each
runtime's result is compared with c2's simple net on the CPU; one that is off is not timed. All compute in float32 (TF32
is off). A run starts with the image on the GPU and ends when the GPU is done.

Columns: milliseconds of the fastest run; the time over that of c2, compiled (above 1: c2 is faster). `--device CPU`
tries the benchmark itself where there is no GPU.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from inference_job import write_job
from machine import describe_machine
from peer_graph import read_graph
from peer_torch import Compilable, folded, run_steps, torch_step
from turns import in_turns

import c2
from c2.compile.net import CompiledNet
from c2.graph.check import check_net
from c2.graph.device import put_on
from c2.serialize.model_files import load_model

NETS = ["resnet50", "squeezenet", "mobilenet_v2", "vgg16"]
TOLERANCE = 2e-3  # of the largest score: Winograd and other orders of adding
Call = Callable[[], Any]


class Runtime:
    """A call that computes, one that waits for the GPU, and one that gives the result."""

    def __init__(self, run: Call, wait: Call, result: Callable[[], np.ndarray]) -> None:
        self.run, self.wait, self.result = run, wait, result

    def __call__(self) -> None:
        self.run()
        self.wait()


def c2_runtime(job: Path, device: str, form: str) -> Runtime:
    registry = c2.registry.default()
    init_net, net = (put_on(n, device) for n in load_model(job))
    workspace = c2.Workspace(registry=registry)
    workspace.run_once(init_net)
    weights = workspace.blobs()
    checked = check_net(net, registry)
    (data,), (out,) = set(checked.needs()) - set(weights), net.external_output
    workspace.feed(data, np.load(job / "input.npy"), device)
    made: Any = workspace.create(net)
    if form == "compiled":
        made = CompiledNet(checked, workspace, registry, constants=weights)
    return Runtime(made.run, registry.device(device).synchronize, lambda: workspace[out])


def torch_runtime(job: Path, device: str, form: str) -> Runtime:
    place = torch.device("cuda" if device.startswith("CUDA") else "cpu")
    graph, arrays = read_graph(job)
    order = torch.contiguous_format if form == "eager" else torch.channels_last
    weights = {n: torch.from_numpy(v) for n, v in arrays.items()}
    steps = [
        (op["outputs"][0], torch_step(op, graph["shapes"])) for op in folded(graph["ops"], weights)
    ]

    def put(value: torch.Tensor) -> torch.Tensor:
        value = value.to(place)
        return value.to(memory_format=order) if value.ndim == 4 else value

    weights = {n: put(v) for n, v in weights.items()}
    image, data = put(torch.from_numpy(np.load(job / "input.npy"))), graph["data"]
    call: Any = lambda x: run_steps(steps, {**weights, data: x})  # noqa: E731
    if form.startswith("compiled"):
        mode = "max-autotune" if form == "compiled-max" else "reduce-overhead"
        call = torch.compile(Compilable(steps, weights, data).eval(), mode=mode)
    last: list[Any] = [None]

    def run() -> None:
        with torch.no_grad():
            last[0] = call(image)

    wait = torch.cuda.synchronize if place.type == "cuda" else lambda: None
    return Runtime(run, wait, lambda: last[0].contiguous().float().cpu().numpy())


RUNTIMES: dict[str, Callable[[Path, str], Runtime]] = {
    "c2 compiled": lambda job, device: c2_runtime(job, device, "compiled"),
    "c2 simple": lambda job, device: c2_runtime(job, device, "simple"),
    "torch eager": lambda job, device: torch_runtime(job, device, "eager"),
    "torch channels-last": lambda job, device: torch_runtime(job, device, "channels-last"),
    "torch compiled": lambda job, device: torch_runtime(job, device, "compiled"),
    "torch max-autotune": lambda job, device: torch_runtime(job, device, "compiled-max"),
}


def measure(name: str, batch: int, names: list[str], args: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds by runtime, or why one was not timed."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder)
        flops = write_job(job, name, batch)
        expected = np.load(job / "expected.npy")
        ready: dict[str, Runtime] = {}
        for runtime in names:
            try:
                made = RUNTIMES[runtime](job, args.device)
                for _ in range(3):  # warms up: algorithms, graphs, compilation
                    made()
                off = np.abs(made.result() - expected).max() / np.abs(expected).max()
            except Exception as error:  # one runtime that fails leaves the others their figures
                found[runtime] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
                continue
            if off > TOLERANCE:
                found[runtime] = f"off by {off:.1e} of the largest score"
            else:
                ready[runtime] = made
        best = in_turns(ready, args.runs, args.seconds)
    found.update({runtime: seconds * 1e3 for runtime, seconds in best.items()})
    return {"net": name, "batch": batch, "gflop": flops / 1e9, "ms": found}


def show(row: dict[str, Any], ours: str) -> None:
    print(f"{row['net']} batch {row['batch']}")
    own = row["ms"].get(ours)
    for runtime, ms in row["ms"].items():
        if isinstance(ms, str):
            print(f"  {runtime:22} {ms}")
            continue
        ratio = f"{ms / own:6.2f} x {ours}" if isinstance(own, float) else ""
        print(f"  {runtime:22} {ms:9.3f} ms  {row['gflop'] / ms:8.1f} TFLOP/s  {ratio}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nets", nargs="+", default=NETS)
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 64])
    parser.add_argument(
        "--runtimes", nargs="+", default=list(RUNTIMES), help=f"of {', '.join(RUNTIMES)}"
    )
    parser.add_argument("--runs", type=int, default=5, help="turns of each runtime")
    parser.add_argument("--seconds", type=float, default=0.2, help="a turn lasts")
    parser.add_argument("--device", default="CUDA")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    rows = []
    for name in args.nets:
        for batch in args.batch:
            rows.append(measure(name, batch, args.runtimes, args))
            show(rows[-1], args.runtimes[0])
    if args.json:
        gpu = c2.registry.default().device(args.device).describe()
        args.json.write_text(
            json.dumps({"machine": describe_machine(), "gpu": gpu, "rows": rows}, indent=1)
        )


if __name__ == "__main__":
    main()
