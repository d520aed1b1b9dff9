"""Training steps (forward, gradients, momentum SGD): c2 beside PyTorch, interleaved in one run.

    python benchmarks/training.py --peers PYTHON [--nets NAME[:BATCH] ...] [--threads N ...] [--runtimes NAME ...]
        [--by cpu_ms] [--json FILE]

PYTHON is an interpreter that has torch. Weights, images and labels are random and the same for all, and so is the
optimizer. Every runtime has a process of its own that waits while the others are timed. Before timing, its losses of
the first three steps are compared with those of c2's simple net; a runtime whose losses are off is not timed.

Columns: milliseconds of the fastest step of all rounds; the least processor time of a step, to compare by
(`--by cpu_ms`) where others use the machine too, with one thread only; the time over that of c2 with c2-mkl and
c2-nnpack.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from machine import describe_machine
from server import Server

HERE = Path(__file__).resolve().parent
# "c2 oneDNN" is c2-mkl without c2-nnpack.
OURS = {"c2 simple": "simple", "c2 compiled": "compiled", "c2 MKL": "MKL", "c2 oneDNN": "oneDNN"}
PEERS = ("torch-eager", "torch-channels-last", "torch-compiled")
NETS = ("mlp:64", "lenet:64", "resnet50:16")
TOLERANCE = {
    "mlp": 1e-4,
    "lenet": 1e-3,
    "resnet50": 0.05,
}  # of a loss after three steps; see LOSSES
LOSSES = 3  # rounding errors grow from step to step, the more the deeper the net is


def commands(options: argparse.Namespace) -> dict[str, list[Any]]:
    """How to start each runtime that was asked for; the simple net, which the others are held to, is the first."""
    found = {n: [sys.executable, HERE / "training_c2.py", form] for n, form in OURS.items()}
    if options.peers:
        found.update((n, [options.peers, HERE / "training_torch.py", n]) for n in PEERS)
    return {n: c for n, c in found.items() if n in (options.runtimes or found) or n == "c2 simple"}


def start(
    options: argparse.Namespace, net: str, job: Path, threads: int
) -> tuple[dict[str, Server], dict[str, Any], dict[str, str]]:
    """The runtimes with the right losses, what they told, and why others are missing."""
    servers: dict[str, Server] = {}
    told: dict[str, Any] = {}
    missing: dict[str, str] = {}
    expected: Any = None
    for name, command in commands(options).items():
        server = Server([*command, net, job], threads, job.parent / f"{name}-{threads}")
        try:
            answer = server.ask("check")
            losses = np.array(answer.pop("result"))
            expected = losses if expected is None else expected
            error = float(np.abs(losses / expected - 1).max())
            if len(losses) != LOSSES or not error < TOLERANCE[net]:
                raise RuntimeError(f"other losses: {losses.tolist()}, expected {expected.tolist()}")
            servers[name], told[name] = server, {**answer, "losses": losses.tolist()}
        except RuntimeError as failure:
            missing[name] = str(failure)
            server.close()
    return servers, told, missing


def measure(
    options: argparse.Namespace, net: str, batch: int, job: Path, threads: int
) -> dict[str, Any]:
    """One row of the results: all runtimes with one net and number of threads."""
    servers, told, missing = start(options, net, job, threads)
    if options.runtimes and "c2 simple" not in options.runtimes and "c2 simple" in servers:
        servers.pop("c2 simple").close()
    times: dict[str, list[dict[str, float]]] = {name: [] for name in servers}
    for _ in range(options.rounds):
        for name, server in servers.items():
            times[name].append(server.ask(f"run {options.seconds}"))
    for server in servers.values():
        server.close()
    best = {
        n: {kind: min(t[kind] for t in found) for kind in found[0]} for n, found in times.items()
    }
    runtimes = {n: {**best[n], **told[n]} for n in best}
    return {
        "net": net, "batch": batch, "threads": threads, "runtimes": runtimes, "missing": missing,
    }  # fmt: skip


def report(row: dict[str, Any], by: str) -> None:
    found = row["runtimes"]
    ours = found.get("c2 MKL")
    print(f"{row['net']} batch {row['batch']} threads {row['threads']}")
    for name, one in found.items():
        ratio = f"{one[by] / ours[by]:8.2f} x c2 MKL" if ours else ""
        print(f"  {name:20} {one['ms']:10.3f} ms {one['cpu_ms']:10.3f} cpu ms {ratio}")
    for name, why in row["missing"].items():
        print(f"  {name:20} not timed: {why}")
    peers = [one[by] for name, one in found.items() if name in PEERS]
    if ours and peers:
        print(f"  best peer / c2 MKL = {min(peers) / ours[by]:.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", help="interpreter that has torch")
    parser.add_argument("--nets", nargs="+", default=NETS)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--runtimes", nargs="+", help=f"of {', '.join((*OURS, *PEERS))}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="per runtime and round")
    parser.add_argument("--by", default="ms", choices=["ms", "cpu_ms"], help="figure to compare")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results: dict[str, Any] = {"machine": describe_machine(), "rows": []}
    for one in options.nets:
        net, _, batch = one.partition(":")
        with tempfile.TemporaryDirectory() as folder:
            job = Path(folder) / "job.npz"
            subprocess.run(
                [sys.executable, HERE / "training_c2.py", "export", net, job, batch or "64"],
                check=True,
            )
            for threads in options.threads:
                results["rows"].append(measure(options, net, int(batch or 64), job, threads))
                report(results["rows"][-1], options.by)
                if options.json:
                    options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
