"""Inference of float32 nets: c2 beside onnxruntime, OpenVINO and PyTorch, interleaved in one run.

    python benchmarks/inference.py --peers PYTHON [--nets NAME ...] [--batch N ...] [--threads N ...] [--json FILE]

PYTHON is an interpreter that has onnx, numpy and any of onnxruntime, openvino and torch. Weights and inputs are random
and the same for all. Every runtime has a process of its own that waits while the others are timed. Before timing, the
result before the softmax is compared with c2's simple net; a runtime whose numbers are off is not timed. Times are the
best of all rounds. The share of sgemm is of what a product of 1024 x 1024 x 1024 reaches in NumPy at the same number
of threads; on a busy machine it varies more than the ratios, and above 100 % it says only that the machine was busy.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
OURS = ("c2 simple", "c2 compiled", "c2 MKL")
PEERS = ("onnxruntime", "openvino", "torch")
NETS = ("resnet50", "squeezenet", "lenet", "mlp")
TOLERANCE = 1e-3  # of the largest result


class Server:
    """A runtime with one net ready, in a process of its own."""

    def __init__(self, python: str, script: str, runtime: str, job: Path, threads: int) -> None:
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "C2_NUM_THREADS")
        self.process = subprocess.Popen(
            [python, HERE / script, runtime, job, str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, stderr=subprocess.PIPE, env={**os.environ, **dict.fromkeys(names, str(threads))},
        )  # fmt: skip

    def ask(self, command: str) -> Any:
        """The answer, or RuntimeError with the end of what it wrote where the process died."""
        assert self.process.stdin
        assert self.process.stdout
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(self.process.communicate()[1].strip().splitlines()[-1:])
        return json.loads(line)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


def measure(options: argparse.Namespace, net: str, batch: int, threads: int) -> dict[str, Any]:
    """Milliseconds of each runtime, and why one is missing."""
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder) / "job"
        made = subprocess.run(
            [sys.executable, HERE / "serve_c2.py", "export", job, str(batch), net],
            check=True,
            capture_output=True,
            text=True,
        )
        flops = json.loads(made.stdout.splitlines()[-1])["flops"]
        wanted = [(sys.executable, "serve_c2.py", r) for r in OURS]
        wanted += [(options.peers, "serve_peer.py", r) for r in PEERS if options.peers]
        expected = np.load(job / "expected.npy").ravel()
        servers: dict[str, Server] = {}
        missing: dict[str, str] = {}
        first: dict[str, float] = {}
        for python, script, name in wanted:  # one after another: the first run is timed too
            server = servers[name] = Server(python, script, name, job, threads)
            try:
                answer = server.ask("check")
                result = np.array(answer["result"])
                error = np.abs(result - expected).max() / np.abs(expected).max()
                if not error < TOLERANCE:
                    raise RuntimeError(f"wrong numbers: off by {error:.1e} of the largest")
                first[name] = answer["first_ms"]
            except RuntimeError as failure:
                missing[name] = str(failure)
                servers.pop(name).close()
        times: dict[str, list[float]] = {name: [] for name in servers}
        peak = []
        for _ in range(options.rounds):
            for name, server in servers.items():
                times[name].append(server.ask(f"run {options.seconds}"))
            if "c2 simple" in servers:
                peak.append(servers["c2 simple"].ask("gemm"))
        for server in servers.values():
            server.close()
    best = {name: min(t) for name, t in times.items()}
    return {
        "net": net, "batch": batch, "threads": threads, "ms": best, "first_ms": first, "missing": missing,
        "gflops": {n: flops / ms / 1e6 for n, ms in best.items()}, "sgemm_gflops": max(peak, default=0.0),
    }  # fmt: skip


def report(row: dict[str, Any]) -> None:
    peers = {n: ms for n, ms in row["ms"].items() if n in PEERS}
    ours = row["ms"].get("c2 MKL")
    print(
        f"{row['net']} batch {row['batch']} threads {row['threads']}   sgemm {row['sgemm_gflops']:.0f} GFLOP/s"
    )
    for name, ms in row["ms"].items():
        share = row["gflops"][name] / row["sgemm_gflops"] if row["sgemm_gflops"] else 0
        ratio = f"{ms / ours:8.2f} x c2 MKL" if ours else ""
        print(
            f"  {name:12} {ms:10.3f} ms {ratio}   {share:5.0%} of sgemm   first run {row['first_ms'][name]:.0f} ms"
        )
    for name, why in row["missing"].items():
        print(f"  {name:12} not timed: {why}")
    if ours and peers:
        print(f"  best peer / c2 MKL = {min(peers.values()) / ours:.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", help="interpreter that has the peers")
    parser.add_argument("--nets", nargs="+", default=NETS)
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 16])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="per runtime and round")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    for threads in options.threads:
        for batch in options.batch:
            for net in options.nets:
                rows.append(measure(options, net, batch, threads))
                report(rows[-1])
                if options.json:
                    options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
