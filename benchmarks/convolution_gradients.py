"""Gradients of 3x3 convolutions by c2-nnpack beside oneDNN's (c2-mkl), layer by layer.

    python benchmarks/convolution_gradients.py [--threads 1 2] [--batch 1 8 16] [--runs N] [--nets NAME ...]
        [--cpu-time] [--json FILE]

For each 3x3 layer of stride 1 of VGG-16 and ResNet-50: the gradients of filters, bias and images in one call, on blobs
in the layout that each kernel wants; the two take turns, and the least time of each counts. GFLOP/s are those of the
direct formula. A layer that NNPACK declines is served by c2-mkl, so it counts as 1. Every result is compared with the
other's before it is timed. `--cpu-time`, on a busy machine, counts the time that the busiest thread computed; set
OMP_WAIT_POLICY=passive with it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from machine import describe_machine
from turns import Timed, cpu_time, in_turns, wall_time

import c2.registry
from c2.compile.layout import PLAIN, Layout
from c2.compile.native import NativeKernel, NativeRequest
from c2.compile.runner import make_runner
from c2.graph.check import check_net
from c2.registry import TensorSpec
from c2_nnpack.layout import C16

# Net -> (C, K, height and width).
LAYERS = {
    "VGG-16": [
        (64, 64, 224), (64, 128, 112), (128, 128, 112), (128, 256, 56), (256, 256, 56), (256, 512, 28),
        (512, 512, 28), (512, 512, 14),
    ],
    "ResNet-50": [(64, 64, 56), (128, 128, 28), (256, 256, 14), (512, 512, 7)],
}  # fmt: skip
SECONDS = 0.02  # a kernel's turn lasts at least that long
TOLERANCE = 2e-4  # relative to the largest element
FLOAT = np.dtype(np.float32)
Array = np.ndarray[Any, Any]


class Layer:
    """A layer's blobs, and kernels of both engines for its gradients."""

    def __init__(self, N: int, C: int, K: int, size: int, threads: int) -> None:
        rng = np.random.default_rng(0)
        net = c2.Net("layer")
        net.ConvGradient(["X", "W", "dY"], ["dW", "db", "dX"], kernel=3, pad=1)
        self.args, self.threads = check_net(net.proto).ops[0].args, threads
        shapes = [(N, C, size, size), (K, C, 3, 3), (N, K, size, size)]
        self.inputs = [rng.standard_normal(shape).astype(FLOAT) for shape in shapes]
        self.specs = [TensorSpec(shape, FLOAT) for shape in shapes]
        self.outputs = [self.specs[1], TensorSpec((K,), FLOAT), self.specs[0]]
        self.flop = 2 * 2 * 9 * N * C * K * size * size

    def kernel(self, engine: str) -> NativeKernel | str:
        marks = c2.registry.default().natives("ConvGradient")
        build = next(m.function for m in marks if m.engine == engine and m.precision == "fp32")
        made: NativeKernel | str = build(
            NativeRequest(
                "ConvGradient", self.args, tuple(self.specs), tuple(self.outputs), (), {}, self.threads,
                (C16, PLAIN, C16),
            )
        )  # fmt: skip
        return made

    def call(self, kernel: NativeKernel) -> tuple[Callable[[], Any], Callable[[], list[Array]]]:
        """What runs the kernel, and what gives its outputs in C order."""
        layouts = kernel.input_layouts, kernel.output_layouts
        given = [_aligned(in_layout(a, one)) for a, one in zip(self.inputs, layouts[0])]
        made = [_zeros(one.nbytes(spec)) for spec, one in zip(self.outputs, layouts[1])]
        scratch = [_zeros(kernel.scratch)] if kernel.scratch else []
        held = [*given, *made, *scratch]
        run, _ = make_runner([(kernel.function, kernel.context, [a.ctypes.data for a in held])])

        def keeping(held: Any = (held, kernel)) -> Any:
            return run()

        def results() -> list[Array]:
            return [plain(a, one, spec) for a, one, spec in zip(made, layouts[1], self.outputs)]

        return keeping, results


def in_layout(x: Array, layout: Layout) -> Array:
    if layout == PLAIN:
        return x
    if layout == C16:
        N, C, H, W = x.shape
        padded = np.zeros((N, -(-C // 16) * 16, H, W), FLOAT)
        padded[:, :C] = x
        x = padded.reshape(N, -1, 16, H, W)
        return np.ascontiguousarray(x.transpose(0, 1, 3, 4, 2))
    assert layout.name == "mkl:last"
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def plain(memory: Array, layout: Layout, spec: TensorSpec) -> Array:
    if layout == PLAIN:
        return memory.reshape(spec.shape)
    N, C, H, W = spec.shape or ()
    if layout == C16:
        blocks = memory.reshape(N, -1, H, W, 16).transpose(0, 1, 4, 2, 3)
        return blocks.reshape(N, -1, H, W)[:, :C]
    return memory.reshape(N, H, W, C).transpose(0, 3, 1, 2)


def _zeros(nbytes: int) -> Array:
    memory = np.zeros(nbytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + nbytes].view(FLOAT)


def _aligned(x: Array) -> Array:
    memory = _zeros(x.nbytes)
    memory[:] = x.reshape(-1)
    return memory


def measure(layer: Layer, runs: int, timed: Timed) -> dict[str, Any]:
    """Milliseconds by engine, what NNPACK chose or why nothing, and the gain."""
    kernels = {name: layer.kernel(name) for name in ("MKL", "NNPACK")}
    own = kernels["NNPACK"]
    calls = {n: layer.call(k) for n, k in kernels.items() if isinstance(k, NativeKernel)}
    for run, _ in calls.values():
        run()
    if "NNPACK" in calls:
        for a, b in zip(calls["NNPACK"][1](), calls["MKL"][1]()):
            assert np.abs(a - b).max() <= TOLERANCE * np.abs(b).max()
    times = in_turns({name: run for name, (run, _) in calls.items()}, runs, SECONDS, timed)
    return {
        "ms": {name: 1e3 * t for name, t in times.items()},
        "GFLOP/s": {name: layer.flop / t / 1e9 for name, t in times.items()},
        "chosen": own.label if isinstance(own, NativeKernel) else own,
        "gain": times["MKL"] / times.get("NNPACK", times["MKL"]),
    }


def rows(options: argparse.Namespace, threads: int) -> Iterator[dict[str, Any]]:
    timed = cpu_time if options.cpu_time else wall_time
    for net in options.nets:
        for N in options.batch:
            for C, K, size in LAYERS[net]:
                found = measure(Layer(N, C, K, size, threads), options.runs, timed)
                shape = {"net": net, "N": N, "C": C, "K": K, "size": size, "threads": threads}
                times = "  ".join(
                    f"{name} {ms:.2f} ms {found['GFLOP/s'][name]:.0f} GFLOP/s"
                    for name, ms in found["ms"].items()
                )
                print(
                    f"{shape}: {times}  gain {found['gain']:.2f}  [{found['chosen']}]", flush=True
                )
                yield {**shape, **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8, 16])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--nets", nargs="+", default=list(LAYERS))
    parser.add_argument("--cpu-time", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results: dict[str, Any] = {"machine": describe_machine(), "rows": [], "gains": []}
    print(results["machine"])
    for threads in options.threads:
        found = list(rows(options, threads))
        gains = [row["gain"] for row in found]
        summary = {
            "threads": threads, "geometric mean": float(np.exp(np.mean(np.log(gains)))), "least": min(gains),
        }  # fmt: skip
        print(summary, flush=True)
        results["rows"] += found
        results["gains"].append(summary)
        if options.json:
            options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
