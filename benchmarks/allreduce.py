"""Allreduce of float32 between processes on this machine: c2-gloo beside torch.distributed's gloo.

    python benchmarks/allreduce.py --peers PYTHON [--sizes 2 4] [--bytes N ...] [--json FILE]

Every runtime has processes of its own, which sleep while the others are timed; they take turns, and a time is the
least of all rounds, the mean over ranks. The ratio is torch's time over c2's: above 1, c2 is faster.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from machine import describe_machine
from serve_allreduce import RUNTIMES
from server import Server

SCRIPT = Path(__file__).resolve().parent / "serve_allreduce.py"
PEER = "torch.distributed gloo"


class Ranks:
    """All ranks of a job; each is told rank, size, folder and one thread behind the command."""

    def __init__(self, command: list[Any], size: int, folder: Path) -> None:
        folder.mkdir()
        commands = ([*command, rank, size, folder] for rank in range(size))
        self.servers = [Server([str(part) for part in one], 1, folder) for one in commands]
        self.pool = ThreadPoolExecutor(size)

    def ask(self, command: str) -> float:
        answers = self.answers(command)
        return float(sum(answers) / len(answers))

    def answers(self, command: str) -> list[Any]:
        """What each rank says; they are asked at the same time."""
        return list(self.pool.map(lambda server: server.ask(command), self.servers))

    def close(self) -> None:
        for server in self.servers:
            server.close()
        self.pool.shutdown()


def measure(given: argparse.Namespace, size: int, folder: Path) -> list[dict[str, Any]]:
    jobs = {}
    for k, name in enumerate(RUNTIMES):
        python = given.peers if name == PEER else sys.executable
        if python:
            jobs[name] = Ranks([python, SCRIPT, name], size, folder / f"{k}-{size}")
    found = []
    for nbytes in given.bytes:
        times = dict.fromkeys(jobs, float("inf"))
        for _ in range(given.rounds):
            for name, ranks in jobs.items():
                times[name] = min(times[name], ranks.ask(f"{nbytes // 4} {given.seconds}"))
        found.append({"ranks": size, "bytes": nbytes, "ms": times})
        told = "  ".join(f"{name} {ms:.4g} ms" for name, ms in times.items())
        peer = times.get(PEER)
        ratios = [f"{peer / ms:.2f}" for name, ms in times.items() if peer and name != PEER]
        tail = f"  torch/c2 {' '.join(ratios)}" if ratios else ""
        print(f"{size} ranks  {nbytes:>9,} bytes: {told}{tail}", flush=True)
    for ranks in jobs.values():
        ranks.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peers", help="a Python with torch")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--bytes", type=int, nargs="+", default=[4 << 10, 1 << 20, 64 << 20])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    machine = describe_machine()
    print(machine)
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for size in given.sizes for row in measure(given, size, Path(folder))]
    if given.json:
        given.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
