"""Inference: c2 beside its peers, interleaved in one run.

    python benchmarks/inference.py --peers PYTHON [--caffe2] [--nets NAME ...] [--batch N ...] [--threads N ...]
        [--runtimes NAME ...] [--precision bf16] [--json FILE] [--chart FOLDER]
    python benchmarks/inference.py --read FILE [--chart FOLDER]       # the report of an earlier run

PYTHON is an interpreter that has onnx, numpy and any of onnxruntime, openvino and torch; --caffe2 measures real Caffe2
too, through the oracle of the shared folder. Weights and inputs are random and the same for all. Every runtime has a
process of its own that waits while the others are timed, and bound inputs and outputs where it has a way to. Before
timing, its result is compared with that of c2's simple net; a runtime whose numbers are off, or that has not the
precision that was asked for, is not timed. `c2 MKL` has all plugins that are installed, `c2 NNPACK` c2-nnpack without
c2-mkl; `--ours` says which of the two the others are compared with, as in

    python benchmarks/inference.py --peers PYTHON --ours "c2 NNPACK" --runtimes "c2 NNPACK" onnxruntime
        --nets resnet50 mobilenet_v2 squeezenet vgg16 lenet --json FILE

Columns: milliseconds of the fastest run of all rounds; the least processor time of a run, to compare by (`--by cpu_ms`)
where others use the machine too, with one thread only; the time over that of ours; the share of the peak,
which is what fused multiply-adds on registers reach in the same run at that number of threads, and of sgemm, the best
library product of 1024 x 1024 x 1024 (on a busy machine both vary more than the ratios do; a runtime that uses Winograd
does fewer operations than are counted); the first run, from model files on disk to the first result, without and with
the import of the runtime; memory at its peak, and how much of that the model took beyond the imported runtime.

PyTorch's batch norms are folded beforehand; `torch-compiled` is channels last too, with frozen weights and an empty
cache. Caffe2's MKL of 2020 is told to use AVX2 on every processor (MKL_DEBUG_CPU_TYPE=5); `caffe2-nnpack` asks for the
engine NNPACK in every convolution.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from caffe2_oracle import HERE, SHARED, available
from inference_chart import draw_chart
from inference_report import print_row, print_summary
from machine import describe_machine
from nets import NETS
from server import Server

OURS = {
    "c2 simple": "simple", "c2 compiled": "compiled", "c2 MKL": "MKL", "c2 NNPACK": "NNPACK",
    "c2 Predictor": "Predictor",
}  # fmt: skip
PEERS = ("onnxruntime", "openvino", "torch-eager", "torch-channels-last", "torch-compiled")
CAFFE2 = ("caffe2", "caffe2-nnpack")
TOLERANCE = {"fp32": 1e-3, "bf16": 0.15}  # of the largest result; random weights pile errors up
SETTLE = 0.05  # seconds: threads of the runtime before may still wait for work


def commands(options: argparse.Namespace, job: Path) -> dict[str, list[Any]]:
    """How to start each runtime that was asked for."""
    found = {n: [sys.executable, HERE / "serve_c2.py", form] for n, form in OURS.items()}
    if options.peers:
        found.update((n, [options.peers, HERE / "serve_peer.py", n]) for n in PEERS)
    if options.caffe2:
        oracle = [SHARED / "tools" / "oracle", "python"]
        found.update((n, [*oracle, HERE / "serve_peer.py", n]) for n in CAFFE2)
    wanted = options.runtimes or found
    return {
        name: [*command, job, options.precision]
        for name, command in found.items()
        if name in wanted
    }


def make_job(options: argparse.Namespace, folder: Path, net: str, batch: int) -> int:
    """The model's files in every form; gives its floating-point operations."""
    script = [sys.executable, HERE / "inference_job.py", folder, net, str(batch)]
    made = subprocess.run(script, check=True, stdout=subprocess.PIPE, text=True)
    if options.peers:
        subprocess.run([options.peers, HERE / "peer_onnx.py", folder], check=True)
    return int(json.loads(made.stdout)["flops"])


def start(
    options: argparse.Namespace, job: Path, threads: int
) -> tuple[dict[str, Server], dict[str, Any], dict[str, str]]:
    """The runtimes that give the right numbers, what they told, and why others are missing."""
    expected = np.load(job / "expected.npy").ravel()
    servers: dict[str, Server] = {}
    told: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for name, command in commands(options, job).items():  # one by one: the first run is timed
        server = Server(command, threads, job / f"{name}-{threads}")
        try:
            answer = server.ask("check")
            result = np.array(answer.pop("result"))
            error = np.abs(result - expected).max() / np.abs(expected).max()
            if not error < TOLERANCE[options.precision]:
                raise RuntimeError(f"wrong numbers: off by {error:.1e} of the largest")
            servers[name], told[name] = server, {**answer, "error": error}
        except RuntimeError as failure:
            missing[name] = str(failure)
            server.close()
    return servers, told, missing


def measure(
    options: argparse.Namespace, job: Path, net: str, batch: int, threads: int, flops: int
) -> dict[str, Any]:
    """One row of the results: all runtimes with one net, batch and number of threads."""
    servers, told, missing = start(options, job, threads)
    peak = Server([sys.executable, HERE / "serve_peak.py", job], threads, job)
    times: dict[str, list[dict[str, float]]] = {name: [] for name in servers}
    peaks = []
    for _ in range(options.rounds):
        for name, server in servers.items():
            time.sleep(SETTLE)
            times[name].append(server.ask(f"run {options.seconds}"))
        peaks.append(peak.ask("run"))
    for server in (*servers.values(), peak):
        server.close()
    runtimes = {
        name: {kind: min(one[kind] for one in found) for kind in found[0]} | told[name]
        for name, found in times.items()
    }
    best = {f"{kind}_gflops": max(p[kind] for p in peaks) for kind in peaks[0]}
    return {
        "net": net, "batch": batch, "threads": threads, "flops": flops, **best, "runtimes": runtimes,
        "missing": missing,
    }  # fmt: skip


def measure_all(options: argparse.Namespace) -> dict[str, Any]:
    """All rows, printed and saved one by one."""
    results: dict[str, Any] = {
        "machine": describe_machine(),
        "precision": options.precision,
        "rows": [],
    }
    for net in options.nets:
        for batch in options.batch:
            with tempfile.TemporaryDirectory() as folder:
                flops = make_job(options, Path(folder), net, batch)
                for threads in options.threads:
                    row = measure(options, Path(folder), net, batch, threads, flops)
                    results["rows"].append(row)
                    print_row(row, options.by, options.ours)
                    if options.json:
                        options.json.write_text(json.dumps(results, indent=1))
    return results


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", help="interpreter that has the peers")
    parser.add_argument("--caffe2", action="store_true", help="real Caffe2 too")
    parser.add_argument("--nets", nargs="+", default=NETS, choices=NETS)
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 16])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument(
        "--runtimes", nargs="+", choices=[*OURS, *PEERS, *CAFFE2], help="only these"
    )
    parser.add_argument(
        "--ours", default="c2 MKL", choices=list(OURS), help="what others are compared with"
    )
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="per runtime and round")
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--chart", type=Path, help="folder for inference.png and inference.svg")
    parser.add_argument("--by", default="ms", choices=["ms", "cpu_ms"], help="figure to compare")
    parser.add_argument("--read", type=Path, help="results of an earlier run, to report again")
    options = parser.parse_args()
    if options.caffe2 and not available():
        parser.error("--caffe2 needs the oracle of the shared folder, set up")
    if options.read:
        results = json.loads(options.read.read_text())
        for row in results["rows"]:
            print_row(row, options.by, options.ours)
    else:
        results = measure_all(options)
    print_summary(results, options.by, options.ours)
    if options.chart:
        for path in draw_chart(results, options.chart, options.by):
            print(path)


if __name__ == "__main__":
    main()
