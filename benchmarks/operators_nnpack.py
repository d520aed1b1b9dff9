"""Native kernels of c2-nnpack beside those of c2-mkl, operator by operator, on blobs in channels of 16.

    python benchmarks/operators_nnpack.py [--threads 1 2] [--batch 1 16] [--runs N] [--only WORD ...]

The two take turns and the least time of each counts, with what follows the operator (Relu6 in MobileNetV2). Above 1:
c2-nnpack is faster. `yields` says that it lets c2-mkl go first.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from machine import describe_machine
from turns import in_turns

import c2.registry
from c2.compile.layout import PLAIN, Layout
from c2.compile.native import NativeKernel, NativeRequest
from c2.compile.runner import make_runner
from c2.graph.check import check_net
from c2.graph.infer import infer_net
from c2.registry import TensorSpec
from c2_nnpack.layout import C16

SECONDS = 0.01  # a kernel's turn lasts at least that long
FLOAT = np.dtype(np.float32)
RELU6 = ("Clip", {"min": 0.0, "max": 6.0})
# (channels, height and width, stride) of MobileNetV2's depthwise convolutions.
MOBILENET_V2 = [
    (32, 112, 1), (96, 112, 2), (144, 56, 1), (144, 56, 2), (192, 28, 1), (192, 28, 2), (384, 14, 1), (576, 14, 1),
    (576, 14, 2), (960, 7, 1),
]  # fmt: skip


@dataclass(frozen=True)
class Operator:
    """An operator: its inputs' shapes, arguments, what follows it; the first `images` inputs are in blocks."""

    type: str
    shapes: tuple[tuple[int, ...], ...]
    args: dict[str, Any] = field(default_factory=dict)
    post: tuple[tuple[str, dict[str, Any]], ...] = ()
    images: int = 1

    def label(self) -> str:
        return f"{self.type} {self.shapes[0]} {self.args}"


def operators(N: int) -> Iterator[Operator]:
    """Those of MobileNetV2, ResNet-50, SqueezeNet, VGG-16 and LeNet that are no dense convolutions."""
    for C, size, stride in MOBILENET_V2:
        args = {"kernel": 3, "pad": 1, "stride": stride, "group": C}
        yield Operator("Conv", ((N, C, size, size), (C, 1, 3, 3), (C,)), args, (RELU6,))
    yield Operator(
        "Conv", ((N, 240, 28, 28), (240, 1, 5, 5), (240,)), {"kernel": 5, "pad": 2, "group": 240}
    )
    for C, size, args in [
        (64, 112, {"kernel": 3, "stride": 2, "pad": 1}), (64, 224, {"kernel": 2, "stride": 2}),
        (512, 14, {"kernel": 2, "stride": 2}), (128, 55, {"kernel": 3, "stride": 2}),
        (20, 24, {"kernel": 2, "stride": 2}),
    ]:  # fmt: skip
        yield Operator("MaxPool", ((N, C, size, size),), args)
    for C, size in ((2048, 7), (1280, 7), (1000, 13)):
        yield Operator("AveragePool", ((N, C, size, size),), {"global_pooling": 1})
    yield Operator("AveragePool", ((N, 256, 28, 28),), {"kernel": 3, "pad": 1})
    image = (N, 256, 56, 56)
    yield Operator("Relu", (image,))
    yield Operator("Clip", (image,), {"min": 0.0, "max": 6.0})
    yield Operator("Sum", (image, image), images=2)
    yield Operator("Add", (image, image), images=2)
    yield Operator("SpatialBN", (image, *[(256,)] * 4), {"is_test": 1})
    yield Operator("Concat", ((N, 64, 55, 55),) * 2, {"axis": 1}, images=2)
    yield Operator("LRN", ((N, 96, 27, 27),), {"size": 5, "alpha": 1e-4, "beta": 0.75, "bias": 2.0})
    for K, M in (
        (2048, 1000),
        (1280, 1000),
        (25088, 4096),
        (4096, 4096),
        (4096, 1000),
        (800, 500),
        (500, 10),
    ):
        yield Operator("FC", ((N, K), (M, K), (M,)), images=0)
    yield Operator("Softmax", ((N, 1000),), images=0)


class Case:
    """An operator's blobs, and the kernels of an engine for it."""

    def __init__(self, operator: Operator, threads: int) -> None:
        self.operator, self.threads = operator, threads
        rng = np.random.default_rng(0)
        net = c2.Net("one")
        names = [f"X{k}" for k in range(len(operator.shapes))]
        outputs = ["Y", "Y_info"] if operator.type == "Concat" else ["Y"]
        net.op(operator.type, names, outputs, **operator.args)
        checked = check_net(net.proto)
        self.args = checked.ops[0].args
        specs = {n: TensorSpec(s, FLOAT) for n, s in zip(names, operator.shapes)}
        self.inputs = tuple(specs.values())
        self.outputs = tuple(infer_net(checked, specs).ops[0].outputs)
        self.arrays = [rng.uniform(0.1, 1, s).astype(np.float32) for s in operator.shapes]

    def kernels(self, engine: str) -> list[NativeKernel] | str:
        """The operator's kernel, and those of what it does not do along."""
        one, post = self.operator, self.operator.post
        layouts = tuple(C16 if k < one.images else PLAIN for k in range(len(self.inputs)))
        constants = dict(enumerate(self.arrays[1:], 1)) if one.type in ("Conv", "FC") else {}
        request = NativeRequest(
            one.type, self.args, self.inputs, self.outputs, post, constants, self.threads, layouts
        )
        made = _build(engine, request)
        return [made] if isinstance(made, NativeKernel) else made

    def run(self, kernels: list[NativeKernel]) -> Callable[[], Any]:
        held: list[Any] = [kernels]
        steps = []
        for kernel in kernels:
            wanted = kernel.input_layouts or (PLAIN,) * len(self.inputs)
            given = kernel.output_layouts or (PLAIN,) * len(self.outputs)
            blobs = [_filled(s, layout) for s, layout in zip(self.inputs, wanted)]
            blobs += [_aligned(one.nbytes(s)) for s, one in zip(self.outputs, given)]
            blobs += [_aligned(kernel.scratch)] if kernel.scratch else []
            held.append(blobs)
            steps.append((kernel.function, kernel.context, [b.ctypes.data for b in blobs]))
        call, _ = make_runner(steps)

        def run(held: Any = held) -> Any:
            return call()

        return run


def _build(engine: str, request: NativeRequest) -> NativeKernel | str:
    marks = c2.registry.default().natives(request.type)
    found = [m for m in marks if m.engine == engine and m.precision == "fp32"]
    made: NativeKernel | str = found[0].function(request) if found else "no kernel"
    return made


def _filled(spec: TensorSpec, layout: Layout) -> np.ndarray[Any, Any]:
    memory = _aligned(layout.nbytes(spec))
    memory.view(np.float32)[:] = np.random.default_rng(0).uniform(0.1, 1, memory.size // 4)
    return memory


def _aligned(nbytes: int) -> np.ndarray[Any, Any]:
    memory = np.zeros(nbytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + nbytes]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument(
        "--only", nargs="+", help="operators whose description has one of these words"
    )
    given = parser.parse_args()
    print(describe_machine())
    for threads in given.threads:
        for N in given.batch:
            for operator in operators(N):
                if given.only and not any(w in operator.label() for w in given.only):
                    continue
                case = Case(operator, threads)
                made = {engine: case.kernels(engine) for engine in ("MKL", "NNPACK")}
                calls = {n: case.run(k) for n, k in made.items() if not isinstance(k, str)}
                times = in_turns(calls, given.runs, SECONDS)
                told = "  ".join(f"{n} {1e6 * t:9.1f} us" for n, t in times.items())
                ratio = times["MKL"] / times["NNPACK"] if len(times) == 2 else float("nan")
                own = made["NNPACK"]
                note = own if isinstance(own, str) else "yields" * own[0].yields
                print(
                    f"{threads} thread(s)  {operator.label():90} {told}  {ratio:.2f}  {note}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
