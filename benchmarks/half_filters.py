"""VGG-16 through c2-nnpack with filters in float32 and in float16: memory, time, difference of the outputs.

    OMP_NUM_THREADS=1 python benchmarks/half_filters.py [--runs N] [--batch 1]

Each precision in a process of its own: bytes of packed filters, what the process holds after the first run, the most
that it held until then, the least time of a run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
from inference_c2 import ready
from inference_job import write_job
from machine import describe_machine

from c2_nnpack.weights import packed_bytes


def memory() -> tuple[float, float]:
    """Bytes that this process has in memory, and the most that it had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    kilobytes = {name: value for name, _, value in (line.partition(":") for line in lines)}
    held, most = (1024 * float(kilobytes[name].split()[0]) for name in ("VmRSS", "VmHWM"))
    return held, most


def measure(job: Path, precision: str, runs: int) -> None:
    run, result = ready("Predictor", job, precision, 1)
    run()
    Y, best = np.array(result()), float("inf")
    held, most = memory()
    for _ in range(runs):
        start = perf_counter()
        run()
        best = min(best, perf_counter() - start)
    told = {
        "held": held,
        "most": most,
        "filters": packed_bytes(),
        "seconds": best,
        "Y": Y.ravel().tolist(),
    }
    print(json.dumps(told))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--job", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        measure(Path(given.job[0]), given.job[1], given.runs)
        return
    print(describe_machine())
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        write_job(Path(folder), "vgg16", given.batch)
        for precision in ("fp32", "fp16"):
            command = [sys.executable, __file__, "--runs", str(given.runs), "--job", folder]
            said = subprocess.run(
                [*command, precision], check=True, stdout=subprocess.PIPE, text=True
            ).stdout
            one = found[precision] = json.loads(said)
            print(
                f"{precision}: {one['filters'] / 1e6:.0f} MB of packed filters, {one['held'] / 1e6:.0f} MB held, "
                f"{one['most'] / 1e6:.0f} MB at most, {1e3 * one['seconds']:.1f} ms"
            )
    full, half = (np.array(found[p]["Y"]) for p in ("fp32", "fp16"))
    print(
        f"largest difference: {np.abs(half - full).max() / np.abs(full).max():.1e} of the largest output"
    )


if __name__ == "__main__":
    main()
