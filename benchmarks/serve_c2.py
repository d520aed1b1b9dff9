"""One form of c2 with one net ready, for inference.py; `export` writes the job for all runtimes first."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from zoo_models import ZooModel, random_parameters, zoo_model

import c2
from c2.compile.net import CompiledNet
from c2.graph.check import check_net
from c2.graph.infer import infer_net
from c2.proto import NetDef
from c2.registry import TensorSpec, core_registry

ARGUMENTS = (
    "kernel",
    "kernels",
    "stride",
    "strides",
    "pad",
    "pads",
    "group",
    "dilation",
    "global_pooling",
    "legacy_pad",
)


def model(name: str) -> ZooModel:
    if name in ("lenet", "mlp"):
        net = c2.Net(name)
        last, shape = (lenet if name == "lenet" else mlp)(net)
        net.op("Softmax", last, "prob")
        net.add_external_output("prob")
        widths = {
            "c1_w": 20,
            "c2_w": 50,
            "f1_w": 500,
            "f2_w": 10,
            "h1_w": 512,
            "h2_w": 512,
            "h3_w": 10,
        }
        found = random_parameters(net.proto, {"data": shape}, widths.__getitem__, 0)
        return ZooModel(name, net.proto, "data", shape, found)
    return zoo_model(name)


def lenet(net: Any) -> tuple[str, tuple[int, ...]]:
    net.op("Conv", ["data", "c1_w", "c1_b"], "c1", kernel=5)
    net.op("MaxPool", "c1", "p1", kernel=2, stride=2)
    net.op("Conv", ["p1", "c2_w", "c2_b"], "c2", kernel=5)
    net.op("MaxPool", "c2", "p2", kernel=2, stride=2)
    net.op("FC", ["p2", "f1_w", "f1_b"], "f1")
    net.op("Relu", "f1", "r1")
    net.op("FC", ["r1", "f2_w", "f2_b"], "f2")
    return "f2", (1, 1, 28, 28)


def mlp(net: Any) -> tuple[str, tuple[int, ...]]:
    last = "data"
    for k in (1, 2, 3):
        net.op("FC", [last, f"h{k}_w", f"h{k}_b"], f"h{k}")
        last = f"h{k}"
        if k < 3:
            net.op("Relu", last, f"r{k}")
            last = f"r{k}"
    return last, (1, 784)


def logits(net: Any) -> str:
    """What the softmax reads: a softmax of random weights may hide any error."""
    return str(next(op.input[0] for op in net.op if op.type == "Softmax"))


def export(job: Path, batch: int, name: str) -> None:
    """Writes the net, its arrays, what must come out, and a list of operators that needs no c2 to read."""
    job.mkdir()
    one = model(name)
    arrays = {**one.parameters, one.data: one.input(batch=batch)}
    workspace = c2.Workspace(registry=core_registry())
    for blob, value in arrays.items():
        workspace.feed(blob, value)
    workspace.create(one.net).run()
    np.save(job / "expected.npy", workspace[logits(one.net)])
    np.savez(job / "arrays.npz", **arrays)
    (job / "net.pb").write_bytes(one.net.SerializeToString())
    checked = check_net(one.net, core_registry())
    inferred = infer_net(checked, {n: TensorSpec(v.shape, v.dtype) for n, v in arrays.items()})
    flops = sum(
        op.checked.schema.cost(*op.inputs, **op.checked.args)
        for op in inferred.ops
        if op.checked.type in ("Conv", "FC")
    )
    listed = [
        {"type": op.type, "inputs": op.inputs, "outputs": op.outputs, "args": _plain(op.args)}
        for op in checked.ops
    ]
    told = {"data": one.data, "logits": logits(one.net), "ops": listed}
    shapes = {op.checked.outputs[0]: op.outputs[0].shape for op in inferred.ops}
    (job / "net.json").write_text(json.dumps({**told, "shapes": shapes}))
    print(json.dumps({"flops": int(flops)}))


def _plain(args: dict[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in args.items() if v is not None and not isinstance(v, bytes)}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in kept.items()}


def runnable(kind: str, job: Path, threads: int) -> tuple[Any, Any, str]:
    net = NetDef.FromString((job / "net.pb").read_bytes())
    registry = c2.registry.default() if kind == "c2 MKL" else core_registry()
    workspace = c2.Workspace(registry=registry)
    arrays = dict(np.load(job / "arrays.npz"))
    for name, value in arrays.items():
        workspace.feed(name, value)
    data = json.loads((job / "net.json").read_text())["data"]
    out = logits(net)
    if kind == "c2 simple":
        return workspace.create(net), workspace, out
    constants = set(arrays) - {data}
    checked = check_net(net, registry)
    made = CompiledNet(
        checked, workspace, registry, constants=constants, keep=[out], threads=threads
    )
    return made, workspace, out


def gemm() -> float:
    """GFLOP/s of one large product."""
    n = 1024
    a, b, y = (np.ones((n, n), np.float32) for _ in range(3))
    return max(2 * n**3 / _timed(lambda: np.matmul(a, b, out=y)) / 1e9 for _ in range(5))


def _timed(call: Any) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


def main() -> None:
    kind, job = sys.argv[1], Path(sys.argv[2])
    if kind == "export":
        export(job, int(sys.argv[3]), sys.argv[4])
        return
    start = perf_counter()
    net, workspace, out = runnable(kind, job, int(sys.argv[3]))
    net.run()
    first = 1e3 * (perf_counter() - start)
    for line in sys.stdin:
        command, *rest = line.split()
        if command == "check":
            workspace.blob(out).value[...] = np.nan
            net.run()
            answer: Any = {"result": workspace[out].ravel().tolist(), "first_ms": first}
        elif command == "gemm":
            answer = gemm()
        else:
            answer = best_ms(net.run, float(rest[0]))
        print(json.dumps(answer), flush=True)


def best_ms(call: Any, seconds: float) -> float:
    """Milliseconds of the fastest call in so many seconds, of three at least."""
    times, start = [], perf_counter()
    while len(times) < 3 or perf_counter() - start < seconds:
        times.append(_timed(call))
    return 1e3 * min(times)


if __name__ == "__main__":
    main()
