"""Convolutions of c2-nnpack beside oneDNN's direct ones (c2-mkl), layer by layer.

    python benchmarks/convolution_layers.py [--threads 1 2] [--batch 1 8] [--runs N] [--nets NET ...]
        [--algos ALGO ...] [--halves] [--library] [--cpu-time] [--json FILE]

The dense layers of the nets of the inference benchmark, 1x1s and first ones included, and larger kernels of AlexNet,
Inception and pose nets, with bias and Relu, on blobs in the layout that each kernel wants; the two take turns, and the
least time of each counts. GFLOP/s are those of the direct formula. A layer that NNPACK declines, or leaves to c2-mkl
where that is installed, counts as 1. `--algos DIRECT WINOGRAD FT8 FT16` times all their ways beside the one that is
chosen, `--halves` what is chosen with filters in float16, `--library` the NNPACK library with filters transformed
beforehand (C2_NNPACK_LIBRARY names its file). `--cpu-time`, on a busy machine, counts the time that the busiest thread
computed; set OMP_WAIT_POLICY=passive with it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from machine import describe_machine
from turns import cpu_time, in_turns, wall_time

import c2.registry
from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2.compile.runner import make_runner
from c2.graph.check import check_net
from c2.registry import TensorSpec
from c2_nnpack import library_convolution
from c2_nnpack.algorithms.winograd import ERRORS
from c2_nnpack.layout import BLOCK, C16

# Net -> (C, K, height and width; kernel where that is not 3, stride, pad where that is not half of the kernel).
LAYERS: dict[str, list[tuple[int, ...]]] = {
    "VGG-16": [
        (3, 64, 224), (64, 64, 224), (64, 128, 112), (128, 128, 112), (128, 256, 56), (256, 256, 56),
        (256, 512, 28), (512, 512, 28), (512, 512, 14),
    ],
    "ResNet-50": [
        (3, 64, 224, 7, 2), (64, 64, 56, 1), (64, 64, 56), (64, 256, 56, 1), (256, 64, 56, 1), (256, 128, 56, 1, 2),
        (256, 128, 56, 1), (128, 128, 56, 3, 2), (128, 128, 28), (128, 512, 28, 1), (256, 512, 56, 1, 2),
        (512, 128, 28, 1),
        (512, 256, 28, 1, 2), (512, 256, 28, 1), (256, 256, 28, 3, 2), (256, 256, 14), (256, 1024, 14, 1),
        (512, 1024, 28, 1, 2), (1024, 256, 14, 1), (1024, 512, 14, 1, 2), (1024, 512, 14, 1), (512, 512, 14, 3, 2),
        (512, 512, 7), (512, 2048, 7, 1), (1024, 2048, 14, 1, 2), (2048, 512, 7, 1),
    ],
    "MobileNetV2": [
        (3, 32, 224, 3, 2), (32, 16, 112, 1), (16, 96, 112, 1), (96, 24, 56, 1), (24, 144, 56, 1), (144, 24, 56, 1),
        (144, 32, 28, 1), (32, 192, 28, 1), (192, 32, 28, 1), (192, 64, 14, 1), (64, 384, 14, 1), (384, 64, 14, 1),
        (384, 96, 14, 1), (96, 576, 14, 1), (576, 96, 14, 1), (576, 160, 7, 1), (160, 960, 7, 1), (960, 160, 7, 1),
        (960, 320, 7, 1), (320, 1280, 7, 1),
    ],
    "SqueezeNet": [
        (3, 64, 227, 3, 2, 0), (64, 16, 56, 1), (16, 64, 56, 1), (16, 64, 56), (128, 16, 56, 1), (128, 32, 28, 1),
        (32, 128, 28, 1), (32, 128, 28), (256, 32, 28, 1), (256, 48, 14, 1), (48, 192, 14, 1), (48, 192, 14),
        (384, 48, 14, 1), (384, 64, 14, 1), (64, 256, 14, 1), (64, 256, 14), (512, 64, 14, 1), (512, 1000, 14, 1),
    ],
    "LeNet": [(1, 20, 28, 5, 1, 0), (20, 50, 12, 5, 1, 0)],
    "AlexNet": [(96, 256, 27, 5)],
    "Inception": [(16, 32, 28, 5), (32, 96, 28, 5), (24, 64, 14, 5), (48, 128, 14, 5), (48, 128, 7, 5)],
    "Pose": [(185, 128, 46, 7), (128, 128, 46, 7), (128, 128, 46, 9), (128, 128, 46, 11)],
}  # fmt: skip
SECONDS = 0.02  # a kernel's turn lasts at least that long
FLOAT = np.dtype(np.float32)
HALVES = 2e-2  # error of filters in float16, relative to the largest output
Run = Callable[[], Any]


class Layer:
    """A layer's blobs, and kernels of several engines for it."""

    def __init__(self, N: int, shape: tuple[int, ...], threads: int) -> None:
        C, K, size, kernel, stride = (*shape, *(3, 1)[len(shape) - 3 :])[:5]
        pad = shape[5] if len(shape) > 5 else kernel // 2
        rng = np.random.default_rng(0)
        net = c2.Net("layer")
        net.Conv(["X", "W", "b"], ["Y"], kernel=kernel, stride=stride, pad=pad)
        self.args = check_net(net.proto).ops[0].args
        W = rng.standard_normal((K, C, kernel, kernel)) * np.sqrt(2 / (kernel**2 * C))
        self.W = W.astype(np.float32)
        self.b = rng.standard_normal(K).astype(np.float32)
        given = (size + 2 * pad - kernel) // stride + 1
        self.X, self.Y = (
            TensorSpec((N, C, size, size), FLOAT),
            TensorSpec((N, K, given, given), FLOAT),
        )
        self.layout = C16 if C >= BLOCK else PLAIN
        self.x = rng.standard_normal(self.layout.nbytes(self.X) // 4).astype(np.float32)
        self.threads = threads
        self.flop = 2 * kernel**2 * N * C * K * given**2

    def kernels(
        self, engine: str, algo: str = "AUTO", precision: str = "fp32"
    ) -> list[NativeKernel] | str:
        """The kernel that the engine chooses, or all its ways where one is asked for; or why it has none."""
        marks = c2.registry.default().natives("Conv")
        build = next(m.function for m in marks if m.engine == engine and m.precision == precision)
        made: NativeKernel | list[NativeKernel] | str = build(self.request(algo, precision))
        return [made] if isinstance(made, NativeKernel) else made

    def library(self) -> list[NativeKernel] | str:
        """Of the NNPACK library."""
        made = library_convolution.build(self.request("AUTO", "fp32", "PRECOMPUTE"))
        return [made] if isinstance(made, NativeKernel) else made

    def request(self, algo: str, precision: str, strategy: str = "COMPUTE") -> NativeRequest:
        args = {**self.args, "algo": algo, "convolution_transform_strategy": strategy}
        specs = (self.X, TensorSpec(self.W.shape, FLOAT), TensorSpec(self.b.shape, FLOAT))
        return NativeRequest(
            "Conv", args, specs, (self.Y,), (("Relu", {}),), {1: self.W}, self.threads,
            (self.layout, PLAIN, PLAIN), precision, every=algo != "AUTO",
        )  # fmt: skip

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


def measure(layer: Layer, given: argparse.Namespace) -> tuple[dict[str, float], str]:
    """Seconds by name, and what NNPACK chose, or why nothing."""
    own = layer.kernels("NNPACK")
    found = {"direct": layer.kernels("MKL"), "NNPACK": own}
    if given.halves:
        found["float16"] = layer.kernels("NNPACK", precision="fp16")
    if given.library:
        found["library"] = layer.library()
    kernels = {n: some[0] for n, some in found.items() if not isinstance(some, str)}
    for algo in given.algos:
        every = layer.kernels("NNPACK", algo)
        kernels.update({k.label: k for k in ([] if isinstance(every, str) else every)})
    chosen = own if isinstance(own, str) else own[0].label + ", yields" * own[0].yields
    made = {n: layer.run(k) for n, k in kernels.items()}
    timed = cpu_time if given.cpu_time else wall_time
    times = in_turns({n: run for n, (run, _) in made.items()}, given.runs, SECONDS, timed)
    layouts = {n: k.output_layouts for n, k in kernels.items()}
    for name, (_, y) in made.items():
        if layouts[name] == layouts["direct"]:
            expected = made["direct"][1]
            bound = HALVES if name == "float16" else 2 * max(ERRORS.values())
            assert np.abs(y - expected).max() <= bound * expected.max(), name
    return times, chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--algos", nargs="*", default=[])
    parser.add_argument("--nets", nargs="+", default=list(LAYERS))
    parser.add_argument("--halves", action="store_true")
    parser.add_argument("--library", action="store_true")
    parser.add_argument("--cpu-time", action="store_true")
    parser.add_argument("--json", type=Path, help="file for the results")
    given = parser.parse_args()
    machine, results = describe_machine(), []
    print(machine)
    for threads in given.threads:
        gains = []
        for net, N, shape in (
            (n, b, s) for n in given.nets for b in given.batch for s in LAYERS[n]
        ):
            layer = Layer(N, shape, threads)
            times, chosen = measure(layer, given)
            results.append(
                {"threads": threads, "net": net, "batch": N, "layer": shape, "chosen": chosen, "flop": layer.flop,
                 "seconds": dict(times)}
            )  # fmt: skip
            direct = times.pop("direct")
            gains.append(1.0 if "yields" in chosen else direct / times.get("NNPACK", direct))
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
        if given.json:
            given.json.write_text(json.dumps({"machine": machine, "results": results}, indent=1))


if __name__ == "__main__":
    main()
