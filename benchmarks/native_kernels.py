"""Single operators: c2-mkl's native kernels beside the reference kernels, both in compiled nets, on one thread.

    OPENBLAS_NUM_THREADS=1 python benchmarks/native_kernels.py [PART OF A NAME ...]

Prints microseconds per operator of a net of eight equal ones, the least of many short interleaved runs, and how many
times as fast c2-mkl is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import numpy as np

import c2
from c2.compile.net import CompiledNet
from c2.graph.check import check_net
from c2.plugins.discover import find_plugins
from c2.plugins.loader import load_plugins
from c2.registry import Registry, core_registry

ROUNDS, SECONDS, REPEATS = 25, 0.004, 8
ROW, IMAGE, LARGE = (4096,), (8, 64, 28, 28), (1 << 20,)
rng = np.random.default_rng(0)


def positive(*shape: int) -> np.ndarray[Any, Any]:
    return rng.uniform(0.5, 2, shape).astype(np.float32)


def signed(*shape: int) -> np.ndarray[Any, Any]:
    return rng.standard_normal(shape).astype(np.float32)


# Each family gives (type, inputs, arguments) of what is measured; `outputs` says how many where some are optional.


def elementwise() -> Iterator[tuple[str, list[Any], dict[str, Any]]]:
    for shape in (ROW, LARGE):
        X, Y, Z = positive(*shape), positive(*shape), positive(*shape)
        for type_ in (
            "Negative",
            "Sqr",
            "Sqrt",
            "Abs",
            "Exp",
            "Log",
            "Cube",
            "Reciprocal",
            "Gelu",
            "Softplus",
        ):
            yield type_, [signed(*shape) if type_ in ("Exp", "Gelu", "Softplus") else X], {}
        yield "Gelu", [X], {"fast_gelu": 1}
        yield "Scale", [X], {"scale": 0.7}
        for exponent in (0.5, 2.0, 3.0):
            yield "Pow", [X], {"exponent": exponent}
        for type_ in ("GeluGradient", "HardSigmoidGradient", "SoftplusGradient"):
            yield type_, [X, Y], {}
        yield "SwishGradient", [X, Y, Z], {}
        for type_ in ("AddGradient", "SubGradient", "MulGradient"):
            yield type_, [X, Y, Z], {}
        yield "DivGradient", [X, Y, Z, X], {}
    rows, bias, image, channels = signed(128, 512), positive(512), signed(*IMAGE), positive(64)
    for B, A, args in (
        (bias, rows, {"broadcast": 1}),
        (channels, image, {"broadcast": 1, "axis": 1}),
    ):
        for type_ in ("AddGradient", "MulGradient"):
            yield type_, [A, A, B], args
        yield "DivGradient", [A, A, B, A], args
        yield "SumReduceLike", [A, B], {k: v for k, v in args.items() if k == "axis"}


def normalizations() -> Iterator[tuple[str, list[Any], dict[str, Any]]]:
    for shape in (ROW, LARGE):
        yield "Dropout", [signed(*shape)], {"ratio": 0.5, "is_test": 0, "outputs": 2}
        yield "DropoutGrad", [signed(*shape), rng.random(shape) < 0.5], {"ratio": 0.5}
    X, dY, C = signed(*IMAGE), signed(*IMAGE), IMAGE[1]
    lrn = {"size": 5, "alpha": 1e-4, "beta": 0.75}
    yield "LRN", [X], {**lrn, "outputs": 1}
    yield "LRN", [X], {**lrn, "outputs": 1, "size": 3}
    yield "LRNGradient", [X, X, dY], lrn
    gamma, beta, N = positive(C), signed(C), IMAGE[0]
    yield "InstanceNorm", [X, gamma, beta], {}
    yield "GroupNorm", [X, gamma, beta], {"group": 8, "is_test": 0, "outputs": 3}
    yield (
        "GroupNormGradient",
        [dY, X, gamma, beta, signed(N, 8), positive(N, 8)],
        {"group": 8, "outputs": 3},
    )
    X, dY, gamma, moments = signed(128, 512), signed(128, 512), positive(512), positive(128, 1)
    yield "LayerNorm", [X], {"outputs": 3}
    yield "LayerNorm", [X, gamma, gamma], {"elementwise_affine": 1, "outputs": 3}
    yield (
        "LayerNormGradient",
        [dY, X, moments, moments, X, gamma],
        {"elementwise_affine": 1, "outputs": 3},
    )


def convolutions() -> Iterator[tuple[str, list[Any], dict[str, Any]]]:
    args = {"kernel": 4, "stride": 2, "pad": 1}
    X, W, b, dY = signed(2, 64, 14, 14), signed(64, 32, 4, 4), signed(32), signed(2, 32, 28, 28)
    yield "ConvTranspose", [X, W, b], args
    yield "ConvTransposeGradient", [X, W, dY], {**args, "outputs": 3}


def moves() -> Iterator[tuple[str, list[Any], dict[str, Any]]]:
    X, square = signed(*IMAGE), signed(512, 512)
    twice = {"height_scale": 2.0, "width_scale": 2.0}
    large = signed(8, 64, 56, 56)
    yield "Transpose", [square], {"axes": [1, 0]}
    yield "NCHW2NHWC", [X], {}
    yield "ChannelShuffle", [X], {"group": 4}
    yield "Split", [X], {"axis": 1, "outputs": 2}
    yield "Slice", [X], {"starts": [0, 16], "ends": [-1, 48]}
    yield "SliceGradient", [X, signed(8, 32, 28, 28)], {"starts": [0, 16], "ends": [-1, 48]}
    yield "ResizeNearest", [X], twice
    yield "ResizeNearestGradient", [large, X], twice
    yield "UpsampleBilinear", [X], twice
    yield "UpsampleBilinearGradient", [large, X], twice
    for mode in ("constant", "reflect"):
        yield "PadImage", [X], {"pad": 2, "mode": mode}
        yield "PadImageGradient", [X], {"pad": 2, "mode": mode}


def reductions() -> Iterator[tuple[str, list[Any], dict[str, Any]]]:
    rows, image = signed(128, 512), signed(*IMAGE)
    for what in ("Sum", "Mean", "Max", "Min", "L1", "L2"):
        for X, axes in (
            (rows, [1]),
            (rows, [0]),
            (image, [2, 3]),
            (image, [0, 2, 3]),
            (image, [1]),
        ):
            yield f"Reduce{what}", [X], {"axes": axes, "keepdims": 0}
        yield (
            f"Reduce{what}Gradient",
            [signed(128), rows, positive(128)],
            {"axes": [1], "keepdims": 0},
        )
        yield (
            f"Reduce{what}Gradient",
            [signed(512), rows, positive(512)],
            {"axes": [0], "keepdims": 0},
        )
    for type_ in (
        "ReduceFrontSum",
        "ReduceBackMean",
        "ReduceBackMax",
        "ReduceTailSum",
        "SumElements",
        "SumSqrElements",
    ):
        yield type_, [rows], {}
    for type_ in ("RowwiseMax", "ColwiseMax"):
        yield type_, [signed(8, 64, 256)], {}
    dZ = positive(128)
    yield "SquaredL2Distance", [rows, rows], {}
    yield "SquaredL2DistanceGradient", [rows, rows, dZ], {}
    yield "SigmoidCrossEntropyWithLogits", [rows, rows], {}
    yield "SigmoidCrossEntropyWithLogitsGradient", [dZ, rows, rows], {}


FAMILIES = (elementwise, normalizations, convolutions, moves, reductions)


def compiled(
    type_: str, inputs: list[Any], args: dict[str, Any], registry: Registry
) -> CompiledNet:
    schema = registry.schema(type_)
    count = len([t for t in schema.outputs if not t.optional])
    count = args.pop("outputs", count)
    net, workspace = c2.Net("one"), c2.Workspace(registry=registry)
    names = [f"in{k}" for k in range(len(inputs))]
    for name, value in zip(names, inputs):
        workspace.feed(name, value)
    for n in range(REPEATS):
        net.op(type_, names, [f"out{n}_{k}" for k in range(count)], **args)
    kept = [name for op in net.proto.op for name in op.output]
    return CompiledNet(check_net(net.proto, registry), workspace, registry, threads=1, keep=kept)


def microseconds(nets: list[CompiledNet]) -> list[float]:
    """Of each net, the least of the rounds, in turns."""
    runs = []
    for net in nets:
        start = perf_counter()
        net.run()
        net.run()
        runs.append(max(1, int(SECONDS / (perf_counter() - start))))
    least = [float("inf")] * len(nets)
    for _ in range(ROUNDS):
        for k, (net, count) in enumerate(zip(nets, runs)):
            start = perf_counter()
            for _ in range(count):
                net.run()
            least[k] = min(least[k], (perf_counter() - start) / count)
    return [1e6 * t / REPEATS for t in least]


def main() -> None:
    mkl = core_registry()
    load_plugins(mkl, [p for p in find_plugins() if p.distribution == "c2-mkl"])
    for type_, inputs, args in (one for family in FAMILIES for one in family()):
        if sys.argv[1:] and not any(part in type_ for part in sys.argv[1:]):
            continue
        nets = [compiled(type_, inputs, dict(args), one) for one in (core_registry(), mkl)]
        native = any(stage.engine == "MKL" for stage in nets[1].program().stages)
        reference, own = microseconds(nets)
        shapes = " ".join("x".join(map(str, x.shape)) or "()" for x in inputs[:2])
        said = " ".join(f"{k}={v}" for k, v in args.items())
        print(
            f"{type_:24} {shapes:28} {said:24} {reference:9.1f} {own:9.1f} {reference / own:6.2f}"
            f"{'' if native else '  not native'}",
            flush=True,
        )


if __name__ == "__main__":
    main()
