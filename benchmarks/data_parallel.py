"""How well data-parallel training uses processes: N ranks of one thread beside one rank of one thread.

    python benchmarks/data_parallel.py [--nets NAME:BATCH ...] [--ranks N ...] [--rounds N] [--json FILE]

BATCH is that of each rank, so the global batch grows with the ranks. A step takes in all of it: forward, gradients,
their exchange, the update, as it comes in a row of them. Efficiency is the step's time of one rank over that of N. The
bound is that of N processes that compute side by side and exchange nothing: what they lose, they lose to the machine
(memory, caches, clock), and no exchange can win it back. Exchanges overlap with the computation of gradients, or
("at the end") do not. Waiting is what a rank spends in exchanges, copying and adding included where it
does not overlap; skew is how much longer the slowest rank computes than the mean of all. CPU is the processor time of
a step in all threads, which hardly sees what else the machine does. The jobs take turns; a time is the least of all
rounds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean
from typing import Any

from allreduce import Ranks
from machine import describe_machine

SCRIPT = Path(__file__).resolve().parent / "serve_data_parallel.py"
ALONE, TOGETHER, AT_THE_END = "side by side", "overlapped", "exchange at the end"


class Jobs:
    """Jobs that are asked at the same time."""

    def __init__(self, jobs: list[Ranks]) -> None:
        self.jobs, self.pool = jobs, ThreadPoolExecutor(len(jobs))

    def answers(self, command: str) -> list[dict[str, float]]:
        """What each process says: ms of a step, ms waited in it, ms of CPU time."""
        return [
            one for found in self.pool.map(lambda j: j.answers(command), self.jobs) for one in found
        ]

    def close(self) -> None:
        for job in self.jobs:
            job.close()
        self.pool.shutdown()


def jobs_of(net: str, batch: str, size: int, folder: Path) -> dict[str, Jobs]:
    def job(of: int, name: str, overlap: str = "overlap") -> Ranks:
        return Ranks(
            [sys.executable, SCRIPT, net, batch, overlap], of, folder / f"{net}-{size}-{name}"
        )

    return {
        "one": Jobs([job(1, "one")]),
        ALONE: Jobs([job(1, f"alone{k}") for k in range(size)]),
        TOGETHER: Jobs([job(size, "together")]),
        AT_THE_END: Jobs([job(size, "at-the-end", "at-the-end")]),
    }


def measure(
    net: str, batch: str, size: int, given: argparse.Namespace, folder: Path
) -> dict[str, Any]:
    jobs = jobs_of(net, batch, size, folder)
    best: dict[str, list[dict[str, float]]] = {}
    cpu = dict.fromkeys(jobs, float("inf"))
    for _ in range(given.rounds):
        for name, job in jobs.items():
            found = job.answers(f"run {given.seconds}")
            cpu[name] = min(cpu[name], mean(a["cpu_ms"] for a in found))
            if name not in best or step(found) < step(best[name]):
                best[name] = found
    for job in jobs.values():
        job.close()
    one = step(best["one"])
    row: dict[str, Any] = {
        "net": net,
        "batch": int(batch),
        "ranks": size,
        "ms_of_one": one,
        "cpu_ms_of_one": cpu["one"],
    }
    for name in (ALONE, TOGETHER, AT_THE_END):
        busy = [a["ms"] - a["waited_ms"] for a in best[name]]
        row[name] = {
            "ms": step(best[name]), "efficiency": one / step(best[name]),
            "waited_ms": mean(a["waited_ms"] for a in best[name]), "skew_ms": max(busy) - mean(busy),
            "cpu_ms": cpu[name],
        }  # fmt: skip
    return row


def step(answers: list[dict[str, float]]) -> float:
    return mean(a["ms"] for a in answers)


def told(row: dict[str, Any]) -> str:
    lines = [
        f"{row['net']} batch {row['batch']} a rank, {row['ranks']} ranks: 1 rank {row['ms_of_one']:.4g} ms, "
        f"CPU {row['cpu_ms_of_one']:.4g} ms"
    ]
    for name in (ALONE, TOGETHER, AT_THE_END):
        one = row[name]
        bound = "  (the bound)" if name == ALONE else (
            f"  of the bound {one['efficiency'] / row[ALONE]['efficiency']:.3f}"
            f"  waits {one['waited_ms']:.3g} ms  skew {one['skew_ms']:.3g} ms"
        )  # fmt: skip
        lines.append(
            f"  {name:<19} {one['ms']:>8.4g} ms  efficiency {one['efficiency']:.3f}  CPU {one['cpu_ms']:.4g} ms{bound}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nets", nargs="+", default=["lenet:64", "resnet50:16"])
    parser.add_argument("--ranks", type=int, nargs="+", default=[2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    machine, rows = describe_machine(), []
    print(machine)
    with tempfile.TemporaryDirectory() as folder:
        for text in given.nets:
            net, _, batch = text.partition(":")
            for size in given.ranks:
                rows.append(measure(net, batch, size, given, Path(folder)))
                print(told(rows[-1]), flush=True)
    if given.json:
        given.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
