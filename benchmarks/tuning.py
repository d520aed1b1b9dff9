"""Nets with engines chosen by measuring beside the engines' own order and oneDNN alone.

    python benchmarks/tuning.py [--nets NAME ...] [--batch N ...] [--threads N] [--rounds N] [--json FILE]

The nets of inference.py, through c2-mkl and c2-nnpack. The three take turns in one process; every call of a program is
timed by itself, and the sum of the least times counts, as others who use the machine disturb a whole run. Columns:
milliseconds of oneDNN alone (`MKL`), of the engines' own order (`AUTO`) and tuned; AUTO over MKL and tuned over AUTO as
speed, so that 1.05 is 5 % faster; seconds that the first program took, without and with the race. The cache is empty
at the start and stays in memory.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from time import perf_counter
from typing import Any

from machine import describe_machine
from nets import NETS, benchmark_net

import c2.registry
from c2.compile.net import CompiledNet
from c2.compile.program import Program
from c2.graph.check import check_net

FORMS: dict[str, dict[str, Any]] = {
    "MKL": {"engines": ["MKL"], "tune": False},
    "AUTO": {"engines": ["NNPACK", "MKL"], "tune": False},
    "tuned": {"engines": ["NNPACK", "MKL"], "tune": True},
}
IN_A_ROW = 3  # runs in a turn


def ready(
    model: Any, batch: int, threads: int, engines: list[str], tune: bool
) -> tuple[Program, float]:
    """A program bound call by call, and the seconds that it took to make."""
    registry = c2.registry.default()
    registry.prefer_engines(engines)
    workspace = c2.Workspace(registry=registry)
    for name, value in model.parameters.items():
        workspace.feed(name, value)
    workspace.feed(model.data, model.input(batch=batch))
    start = perf_counter()
    net = CompiledNet(
        check_net(model.net, registry), workspace, registry, constants=model.parameters, threads=threads, tune=tune
    )  # fmt: skip
    net.run()
    seconds = perf_counter() - start
    program = net.program()
    values = {n: workspace.blob(n).value for n in net.checked.needs()}
    program.bind(values, one_by_one=True)
    return program, seconds


def measure(programs: dict[str, Program], rounds: int) -> dict[str, float]:
    """Milliseconds: the sum of the least time of each call."""
    best = {name: [float("inf")] * len(program.calls) for name, program in programs.items()}
    for _ in range(rounds):
        for name, program in programs.items():
            for _ in range(IN_A_ROW):
                for k, call in enumerate(program.calls):
                    start = perf_counter()
                    call()
                    best[name][k] = min(best[name][k], perf_counter() - start)
    return {name: 1e3 * sum(times) for name, times in best.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nets", nargs="+", default=NETS, choices=NETS)
    parser.add_argument("--batch", nargs="+", type=int, default=[1])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", type=Path, help="file for the results")
    given = parser.parse_args()
    os.environ["C2_TUNE_CACHE"] = "0"
    results: dict[str, Any] = {"machine": describe_machine(), "threads": given.threads, "rows": []}
    print(results["machine"], f"{given.threads} thread(s)", flush=True)
    for net in given.nets:
        model = benchmark_net(net)
        for batch in given.batch:
            made = {n: ready(model, batch, given.threads, **how) for n, how in FORMS.items()}
            ms = measure({n: program for n, (program, _) in made.items()}, given.rounds)
            seconds = {n: one for n, (_, one) in made.items()}
            tuned = made["tuned"][0].tuned
            assert tuned is not None
            row = {
                "net": net,
                "batch": batch,
                "ms": ms,
                "first_s": seconds,
                "why": tuned.report()["why"],
            }
            results["rows"].append(row)
            print(
                f"{net:13} batch {batch:2}  " + "  ".join(f"{n} {t:9.3f}" for n, t in ms.items())
                + f"  AUTO/MKL {ms['MKL'] / ms['AUTO']:.3f}  tuned/AUTO {ms['AUTO'] / ms['tuned']:.3f}"
                f"  first {seconds['AUTO']:.1f} s, {seconds['tuned']:.1f} s  {row['why']}",
                flush=True,
            )  # fmt: skip
            if given.json:
                given.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
