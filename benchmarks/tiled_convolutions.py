"""Convolutions of c2-nnpack by Winograd's and Fourier's tiles beside oneDNN's direct ones (c2-mkl), layer by layer.

    python benchmarks/tiled_convolutions.py [--threads 1 2] [--batch 1 8] [--runs N] [--nets NET ...] [--algos ALGO ...]

The 3x3 layers of stride 1 of VGG-16, ResNet-50 and SqueezeNet, and larger kernels of AlexNet, Inception and pose nets,
with bias and Relu, on blobs in the layout that each kernel wants; the two take turns, and the least time of each
counts. GFLOP/s are those of the direct formula. A layer that NNPACK declines is served by c2-mkl, so it counts as 1.
`--algos WINOGRAD FT8 FT16` times all their ways beside the one that is chosen.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
from machine import describe_machine

import c2.registry
from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2.compile.runner import make_runner
from c2.graph.check import check_net
from c2.registry import TensorSpec
from c2_nnpack.algorithms.winograd import ERRORS
from c2_nnpack.layout import C16

# Net -> (C, K, height and width, and of the kernel where that is not 3).
LAYERS: dict[str, list[tuple[int, ...]]] = {
    "VGG-16": [
        (64, 64, 224), (64, 128, 112), (128, 128, 112), (128, 256, 56), (256, 256, 56), (256, 512, 28),
        (512, 512, 28), (512, 512, 14),
    ],
    "ResNet-50": [(64, 64, 56), (128, 128, 28), (256, 256, 14), (512, 512, 7)],
    "SqueezeNet": [(16, 64, 55), (32, 128, 27), (48, 192, 13), (64, 256, 13)],
    "AlexNet": [(96, 256, 27, 5)],
    "Inception": [(16, 32, 28, 5), (32, 96, 28, 5), (24, 64, 14, 5), (48, 128, 14, 5), (48, 128, 7, 5)],
    "Pose": [(185, 128, 46, 7), (128, 128, 46, 7), (128, 128, 46, 9), (128, 128, 46, 11)],
}  # fmt: skip
SECONDS = 0.02  # a kernel's turn lasts at least that long
FLOAT = np.dtype(np.float32)
Run = Callable[[], Any]


class Layer:
    """A layer's blobs, and kernels of several engines for it."""

    def __init__(self, N: int, shape: tuple[int, ...], threads: int) -> None:
        C, K, size, kernel = (*shape, 3)[:4]
        rng = np.random.default_rng(0)
        net = c2.Net("layer")
        net.Conv(["X", "W", "b"], ["Y"], kernel=kernel, pad=kernel // 2)
        self.args = check_net(net.proto).ops[0].args
        W = rng.standard_normal((K, C, kernel, kernel)) * np.sqrt(2 / (kernel**2 * C))
        self.W = W.astype(np.float32)
        self.b = rng.standard_normal(K).astype(np.float32)
        self.X, self.Y = (TensorSpec((N, n, size, size), FLOAT) for n in (C, K))
        self.x = rng.standard_normal(C16.nbytes(self.X) // 4).astype(np.float32)
        self.threads = threads
        self.flop = 2 * kernel**2 * N * C * K * size * size

    def kernels(self, engine: str, algo: str = "AUTO") -> list[NativeKernel] | str:
        """The kernel that the engine chooses, or all its ways where one is asked for; or why it has none."""
        marks = c2.registry.default().natives("Conv")
        build = next(m.function for m in marks if m.engine == engine and m.precision == "fp32")
        specs = (self.X, TensorSpec(self.W.shape, FLOAT), TensorSpec(self.b.shape, FLOAT))
        made: NativeKernel | list[NativeKernel] | str = build(
            NativeRequest(
                "Conv", {**self.args, "algo": algo}, specs, (self.Y,), (("Relu", {}),), {1: self.W}, self.threads,
                (C16, PLAIN, PLAIN), every=algo != "AUTO",
            )
        )  # fmt: skip
        return [made] if isinstance(made, NativeKernel) else made

    def run(self, kernel: NativeKernel) -> tuple[Run, np.ndarray[Any, Any]]:
        """The call, and the memory that it writes."""
        y = _aligned((kernel.output_layouts or (PLAIN,))[0].nbytes(self.Y))
        scratch, x = _aligned(max(kernel.scratch, 1)), _aligned(self.x.nbytes)
        x.view(np.float32)[:] = self.x
        held = [x, self.W, self.b, y, *([scratch] if kernel.scratch else [])]
        call, _ = make_runner([(kernel.function, kernel.context, [a.ctypes.data for a in held])])

        def run(held: Any = (held, kernel)) -> Any:
            return call()

        return run, y.view(np.float32)


def _aligned(nbytes: int) -> np.ndarray[Any, Any]:
    memory = np.zeros(nbytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + nbytes]


def in_turns(calls: dict[str, Run], runs: int) -> dict[str, float]:
    """The least seconds of each."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(runs):
        for name, call in calls.items():
            call()
            end = perf_counter() + SECONDS
            while True:
                start = perf_counter()
                call()
                stop = perf_counter()
                best[name] = min(best[name], stop - start)
                if stop > end:
                    break
    return best


def measure(layer: Layer, algos: list[str], runs: int) -> tuple[dict[str, float], str]:
    """Seconds by name, and what NNPACK chose, or why nothing."""
    own, direct = layer.kernels("NNPACK"), layer.kernels("MKL")
    assert not isinstance(direct, str), direct
    kernels = {"direct": direct[0]}
    if not isinstance(own, str):
        kernels["NNPACK"] = own[0]
    for algo in algos:
        found = layer.kernels("NNPACK", algo)
        kernels.update({k.label: k for k in ([] if isinstance(found, str) else found)})
    chosen = own if isinstance(own, str) else own[0].label
    made = {n: layer.run(k) for n, k in kernels.items()}
    times = in_turns({n: run for n, (run, _) in made.items()}, runs)
    layouts = {n: k.output_layouts for n, k in kernels.items()}
    for name, (_, y) in made.items():
        if layouts[name] == layouts["direct"]:
            expected = made["direct"][1]
            assert np.abs(y - expected).max() <= 2 * max(ERRORS.values()) * expected.max(), name
    return times, chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--algos", nargs="*", default=[])
    parser.add_argument("--nets", nargs="+", default=list(LAYERS))
    given = parser.parse_args()
    print(describe_machine())
    for threads in given.threads:
        gains = []
        for net, N, shape in (
            (n, b, s) for n in given.nets for b in given.batch for s in LAYERS[n]
        ):
            layer = Layer(N, shape, threads)
            times, chosen = measure(layer, given.algos, given.runs)
            direct = times.pop("direct")
            gains.append(direct / times.get("NNPACK", direct))
            told = "  ".join(
                f"{n} {1e3 * t:.2f} ms {layer.flop / t / 1e9:.0f} GFLOP/s {direct / t:.2f}"
                for n, t in times.items()
            )
            print(
                f"{threads} thread(s)  {net} N={N} {shape}: direct {1e3 * direct:.2f} ms "
                f"{layer.flop / direct / 1e9:.0f} GFLOP/s  {told}  [{chosen}]",
                flush=True,
            )
        mean = np.exp(np.mean(np.log(gains)))
        print(f"{threads} thread(s): geometric mean {mean:.2f}, least {min(gains):.2f}")


if __name__ == "__main__":
    main()
