"""What an operator costs besides its arithmetic: a chain of 1000 Relu on 8 floats, against NumPy's own call.

    python benchmarks/relu_chain.py [--json FILE] [--caffe2]

Rounds of NumPy, simple and compiled net are interleaved; the figures are medians over rounds of the best of five runs.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from time import perf_counter

import numpy as np

import c2

LENGTH = 1000


def chain(kind: str, workspace: c2.Workspace) -> object:
    net = c2.Net("chain")
    net.proto.type = kind
    blob = "x"
    for k in range(LENGTH):
        blob = net.op("Relu", blob, f"h{k}")
    net.add_external_output(blob)
    return workspace.create(net)


def best_us(run: object, repeat: int = 5) -> float:
    """Microseconds per operator of the best of some runs."""
    times = []
    for _ in range(repeat):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return min(times) / LENGTH * 1e6


def numpy_calls() -> object:
    a, b, zero = np.ones(8, np.float32), np.ones(8, np.float32), np.zeros((), np.float32)

    def run() -> None:
        maximum = np.maximum
        for _ in range(LENGTH):
            maximum(a, zero, out=b)

    return run


def measure(rounds: int = 30, caffe2: bool = False) -> dict[str, float]:
    workspace = c2.Workspace()
    workspace.feed("x", np.ones(8, np.float32))
    runs = {"numpy": numpy_calls()}
    for kind in ("simple", "compiled"):
        runs[kind] = chain(kind, workspace).run
        runs[kind]()
    found = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            found[name].append(best_us(run))
    result = {f"{name}_us": float(np.median(v)) for name, v in found.items()}
    if caffe2:
        from caffe2_oracle import run_in_caffe2

        net = workspace.runnable(workspace.nets()[0]).checked.proto
        seconds, _ = run_in_caffe2(net, {"x": np.ones(8, np.float32)}, runs=200, fetch=["h0"])
        result["caffe2_us"] = float(np.median(seconds)) / LENGTH * 1e6
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--caffe2", action="store_true", help="measure real Caffe2 too (its oracle must be set up)"
    )
    options = parser.parse_args()
    result = measure(caffe2=options.caffe2)
    for name, value in result.items():
        print(
            f"{name.removesuffix('_us'):9} {value:.3f} us per operator   {value / result['numpy_us']:.2f} x NumPy"
        )
    if options.json:
        options.json.write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
