"""A net of order NHWC beside the same net of order NCHW: by c2-nnpack, and by c2-mkl alone.

    python benchmarks/orders.py [--batch 1 8] [--size 224] [--runs N]

The first stage of a ResNet with its front and its end, compiled, one thread. The nets take turns, and the least CPU
time of each counts.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from time import thread_time
from typing import Any

import numpy as np
from machine import describe_machine
from turns import in_turns

import c2
from c2 import brew
from c2.compile.net import CompiledNet
from c2.graph.check import check_net
from c2.plugins.discover import find_plugins
from c2.plugins.loader import load_plugins
from c2.registry import Registry, core_registry

BLOCKS = 3
SECONDS = 0.2  # a net's turn lasts at least that long


def net_of(order: str) -> Any:
    """A 7x7 convolution of stride 2, a pool, bottleneck blocks with their sums, and a classifier."""
    model = c2.ModelHelper("orders", arg_scope={"order": order})
    brew.conv(model, "data", "front", 3, 64, kernel=7, stride=2, pad=3)
    brew.relu(model, "front", "front")
    brew.max_pool(model, "front", "block0", kernel=3, stride=2, pad=1)
    depth = 64
    for k in range(BLOCKS):
        last = f"block{k}"
        for name, into, out, kernel in (
            ("reduce", depth, 64, 1), ("middle", 64, 64, 3), ("expand", 64, 256, 1),
        ):  # fmt: skip
            brew.conv(model, last, f"{name}{k}", into, out, kernel=kernel, pad=kernel // 2)
            brew.spatial_bn(model, f"{name}{k}", f"{name}{k}_bn", out, is_test=True)
            last = f"{name}{k}_bn"
            if name != "expand":
                brew.relu(model, last, last)
        if depth != 256:
            brew.conv(model, f"block{k}", "around", depth, 256, kernel=1)
        model.net.Sum(["around" if depth != 256 else f"block{k}", f"expand{k}_bn"], [f"sum{k}"])
        model.net.Relu([f"sum{k}"], [f"block{k + 1}"])
        depth = 256
    brew.average_pool(model, f"block{BLOCKS}", "pooled", global_pooling=True)
    brew.fc(model, "pooled", "scores", depth, 1000)
    model.net.proto.external_output.append("scores")
    model.net.proto.type = "compiled"
    return model


def registry_with(*distributions: str) -> Registry:
    made = core_registry()
    load_plugins(made, [p for p in find_plugins() if p.distribution in distributions])
    return made


def compiled(
    order: str, registry: Registry, X: np.ndarray[Any, Any]
) -> tuple[Callable[[], Any], c2.Workspace]:
    model, workspace = net_of(order), c2.Workspace(registry=registry)
    workspace.feed("data", X if order == "NCHW" else np.ascontiguousarray(np.moveaxis(X, 1, -1)))
    workspace.run(model.param_init_net)
    names = [n for n in model.net.proto.external_input if n != "data"]
    checked = check_net(model.net.proto, registry)
    return CompiledNet(checked, workspace, registry, constants=names, threads=1).run, workspace


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--size", type=int, default=224, help="height and width of images")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    print(describe_machine())
    engines = {"c2-nnpack": registry_with("c2-nnpack"), "c2-mkl": registry_with("c2-mkl")}
    for N in given.batch:
        X = np.random.default_rng(0).random((N, 3, given.size, given.size), np.float32)
        made = {
            f"{name} {order}": compiled(order, registry, X)
            for name, registry in engines.items()
            for order in ("NCHW", "NHWC")
        }
        times = in_turns({n: run for n, (run, _) in made.items()}, given.runs, SECONDS, thread_time)
        told = "  ".join(f"{n} {1e3 * t:.2f} ms" for n, t in times.items())
        print(f"batch {N}: {told}", flush=True)


if __name__ == "__main__":
    main()
