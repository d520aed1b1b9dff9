"""Collectives of float32 between processes on this machine: c2-gloo beside torch.distributed's gloo.

    python benchmarks/allreduce.py --peers PYTHON [--collectives NAME ...] [--sizes 2 4] [--bytes N ...] [--json FILE]

Every runtime has processes of its own, which sleep while the others are timed; they take turns. Ranks make the same
calls one after the other, in place, and a call takes as long as the rank that it takes longest in; told is the least of
all calls of all rounds. Processor time is of all threads of a rank, the mean over ranks: it says more where other
processes run too. The ratio is torch's time over c2's: above 1, c2 is faster.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import fmean
from typing import Any

from machine import describe_machine
from serve_allreduce import RUNTIMES
from server import Server

SCRIPT = Path(__file__).resolve().parent / "serve_allreduce.py"
PEER = "torch.distributed gloo"
COLLECTIVES = ["allreduce", "broadcast", "allgather", "reduce_scatter"]


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


def times_of(ranks: Ranks, command: str) -> tuple[float, float]:
    """Milliseconds of the fastest call, and of processor time for one in a rank."""
    answers = ranks.answers(command)
    longest = map(max, zip(*(answer["us"] for answer in answers), strict=True))
    return min(longest) / 1e3, fmean(answer["cpu_us"] for answer in answers) / 1e3


def measure(given: argparse.Namespace, size: int, folder: Path) -> list[dict[str, Any]]:
    jobs = {}
    for k, name in enumerate(RUNTIMES):
        python = given.peers if name == PEER else sys.executable
        if python:
            jobs[name] = Ranks([python, SCRIPT, name], size, folder / f"{k}-{size}")
    found = []
    for collective in given.collectives:
        for nbytes in given.bytes:
            times = dict.fromkeys(jobs, (float("inf"), float("inf")))
            for _ in range(given.rounds):
                for name, ranks in jobs.items():
                    now = times_of(ranks, f"{collective} {nbytes // 4} {given.seconds}")
                    times[name] = (min(times[name][0], now[0]), min(times[name][1], now[1]))
            row = {"ranks": size, "collective": collective, "bytes": nbytes}
            found.append(
                {
                    **row,
                    "ms": {n: t[0] for n, t in times.items()},
                    "cpu_ms": {n: t[1] for n, t in times.items()},
                }
            )
            print(f"{size} ranks  {collective} of {nbytes:,} bytes: {told(times)}", flush=True)
    for ranks in jobs.values():
        ranks.close()
    return found


def told(times: dict[str, tuple[float, float]]) -> str:
    texts = [f"{name} {ms:.4g} ms (processor {cpu:.4g})" for name, (ms, cpu) in times.items()]
    if PEER in times:
        ratios = (
            f"{times[PEER][0] / times[n][0]:.2f} ({times[PEER][1] / times[n][1]:.2f})"
            for n in times
            if n != PEER
        )
        texts.append(f"torch/c2 {' '.join(ratios)}")
    return "  ".join(texts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peers", help="a Python with torch")
    parser.add_argument("--collectives", nargs="+", default=COLLECTIVES, choices=COLLECTIVES)
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
