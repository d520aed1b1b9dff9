"""What the machine can do, in GFLOP/s, asked by inference.py between the rounds of the runtimes.

    python serve_peak.py WORK_FOLDER THREADS

`run` answers {"fma": ..., "sgemm": ...}: fused multiply-adds on registers alone (peak.c, compiled for this machine;
absent where there is no C compiler), and the best of NumPy's and oneDNN's product of 1024 x 1024 x 1024. Both are by
processor time, as other processes take some of the clock's.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import process_time

import numpy as np

import c2
from c2.compile.net import CompiledNet
from c2.graph.check import check_net

N = 1024
ROUNDS = 5
CHAIN_STEPS = 2_000_000


def compiled_peak(folder: Path) -> Callable[[], float] | None:
    """A call that runs peak.c once and gives the number of operations."""
    library = folder / "peak.so"
    source = Path(__file__).with_name("peak.c")
    command = ["cc", "-O3", "-march=native", "-shared", "-fPIC", source, "-o", library]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    function = ctypes.CDLL(str(library)).c2_peak
    function.argtypes, function.restype = (ctypes.c_long, ctypes.c_void_p), ctypes.c_double

    def run() -> float:
        out = ctypes.c_float()
        return float(function(CHAIN_STEPS, ctypes.addressof(out)))

    return run


def fma_gflops(run: Callable[[], float], pool: ThreadPoolExecutor, threads: int) -> float:
    start = process_time()
    done = sum(pool.map(lambda _: run(), range(threads)))
    return done / ((process_time() - start) / threads) / 1e9


def products(threads: int) -> list[Callable[[], object]]:
    """The product of two matrices by NumPy and by oneDNN."""
    workspace = c2.Workspace()
    a, b, y = (np.ones((N, N), np.float32) for _ in range(3))
    workspace.feed("a", a)
    workspace.feed("b", b)
    net = c2.Net("product")
    net.op("MatMul", ["a", "b"], "y")
    net.add_external_output("y")
    checked = check_net(net.proto)
    made = CompiledNet(checked, workspace, workspace.registry, constants=["b"], threads=threads)
    return [lambda: np.matmul(a, b, out=y), made.run]


def sgemm_gflops(call: Callable[[], object], threads: int) -> float:
    start = process_time()
    call()
    return 2 * N**3 / ((process_time() - start) / threads) / 1e9


def main(folder: Path, threads: int) -> None:
    peak, calls = compiled_peak(folder), products(threads)
    with ThreadPoolExecutor(threads) as pool:
        for _ in sys.stdin:
            answer = {"sgemm": max(sgemm_gflops(c, threads) for c in calls * ROUNDS)}
            if peak:
                answer["fma"] = max(fma_gflops(peak, pool, threads) for _ in range(ROUNDS))
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
