"""How well data-parallel training uses processes: N ranks of one thread beside one rank of one thread.

    python benchmarks/data_parallel.py [--nets NAME:BATCH ...] [--ranks N ...] [--rounds N] [--json FILE]

BATCH is that of each rank, so the global batch grows with the ranks. A step takes in all of it: forward, gradients,
their exchange, the update, from a barrier to a barrier. Efficiency is the step's time of one rank over that of N. The
jobs take turns; a time is the least of all rounds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from allreduce import Ranks
from machine import describe_machine

SCRIPT = Path(__file__).resolve().parent / "serve_data_parallel.py"


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
            name, _, batch = text.partition(":")
            jobs = {
                size: Ranks([sys.executable, SCRIPT, name, batch], size, Path(folder) / f"{name}-{size}")
                for size in (1, *given.ranks)
            }  # fmt: skip
            times = dict.fromkeys(jobs, float("inf"))
            for _ in range(given.rounds):
                for size, ranks in jobs.items():
                    times[size] = min(times[size], ranks.ask(f"run {given.seconds}"))
            for ranks in jobs.values():
                ranks.close()
            for size in given.ranks:
                efficiency = times[1] / times[size]
                rows.append({"net": name, "batch": int(batch), "ranks": size, "ms": times[size],
                             "ms_of_one": times[1], "efficiency": efficiency})  # fmt: skip
                print(
                    f"{name} batch {batch} a rank: 1 rank {times[1]:.4g} ms, {size} ranks {times[size]:.4g} ms, "
                    f"efficiency {efficiency:.3f}"
                )
    if given.json:
        given.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
