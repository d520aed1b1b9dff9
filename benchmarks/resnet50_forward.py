"""ResNet-50 forward, float32, against real Caffe2 at the same number of threads: in all, and by type of operator.

    python benchmarks/resnet50_forward.py [--threads N] [--batch N] [--rounds N] [--json FILE]

Rounds of c2's simple net (NumPy alone), of real Caffe2 and of Caffe2 with MKL_DEBUG_CPU_TYPE=5 are interleaved; its
MKL of 2020 takes a slow path on AMD processors unless it is told so. Figures are the best of all rounds; a ratio is
Caffe2's time over c2's. `gemm` is the time of the convolutions' matrix products alone, on matrices that stand ready.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter
from typing import Any

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--batch", type=int, default=1)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--json", type=Path)
OPTIONS = parser.parse_args()
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(OPTIONS.threads)

import numpy as np  # noqa: E402  after the number of threads
from caffe2_oracle import HERE, SHARED, available  # noqa: E402
from zoo_models import zoo_model  # noqa: E402

import c2  # noqa: E402

RUNS = 5  # per round


class Caffe2Server:
    """Real Caffe2 with the net ready, in a process of its own."""

    def __init__(
        self, folder: str, net: Any, blobs: dict[str, np.ndarray], environment: dict[str, str]
    ) -> None:
        job = Path(folder) / "job.npz"
        if not job.exists():
            arrays = {f"blob/{name}": value for name, value in blobs.items()}
            np.savez(
                job,
                net=np.frombuffer(net.SerializeToString(), np.uint8),
                threads=OPTIONS.threads,
                **arrays,
            )
        command = [SHARED / "tools" / "oracle", "python", HERE / "serve_caffe2.py", job]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, **environment},
        )  # fmt: skip

    def ask(self, command: str, argument: object) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{command} {argument}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        self.process.communicate()


def gemm_ms(runnable: Any) -> float:
    """Milliseconds of all convolutions' matrix products, each the best of some."""
    total = 0.0
    for op in runnable.checked.ops:
        if op.type == "Conv":
            W, Y = (runnable.workspace[name] for name in (op.inputs[1], op.outputs[0]))
            W = W.reshape(len(W), -1)
            columns = np.ones((W.shape[1], Y[0, 0].size), np.float32)
            out = np.empty((len(W), columns.shape[1]), np.float32)
            total += Y.shape[0] * best([lambda: np.matmul(W, columns, out=out)] * 5)  # noqa: B023
    return total


def best(calls: list[Any]) -> float:
    """Milliseconds of the fastest call."""
    times = []
    for call in calls:
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return min(times) * 1e3


def by_type(types: list[str], milliseconds: list[float]) -> dict[str, float]:
    found: Counter[str] = Counter()
    for type_, ms in zip(types, milliseconds):
        found[type_] += ms
    return dict(found)


def measure() -> dict[str, Any]:
    model = zoo_model("resnet50")
    blobs = {**model.parameters, model.data: model.input(batch=OPTIONS.batch)}
    workspace = c2.Workspace()
    for name, value in blobs.items():
        workspace.feed(name, value)
    net = workspace.create(model.net)
    net.run()
    types, output = [op.type for op in model.net.op], model.net.op[-1].output[0]
    peers = {"caffe2": {}, "caffe2_mkl_avx2": {"MKL_DEBUG_CPU_TYPE": "5"}} if available() else {}
    times: dict[str, list[float]] = {"c2": [], **{name: [] for name in peers}}
    operators: dict[str, list[list[float]]] = {name: [] for name in times}
    with tempfile.TemporaryDirectory() as folder:
        servers = {n: Caffe2Server(folder, model.net, blobs, e) for n, e in peers.items()}
        for server in servers.values():
            server.ask("run", 2)
            assert np.allclose(server.ask("fetch", output), workspace[output].ravel(), 1e-3, 1e-6)
        for _ in range(OPTIONS.rounds):
            times["c2"].append(best([net.run] * RUNS))
            operators["c2"].append([1e3 * s for s in net.run_timed()])
            for name, server in servers.items():
                times[name].append(1e3 * min(server.ask("run", RUNS)))
                operators[name].append(server.ask("operators", RUNS))
        for server in servers.values():
            server.close()
    result: dict[str, Any] = {f"{name}_ms": min(t) for name, t in times.items()}
    for name in peers:
        result[f"ratio_{name}"] = result[f"{name}_ms"] / result["c2_ms"]
    result["gemm_ms"] = gemm_ms(net)
    result["by_type_ms"] = {n: by_type(types, np.min(o, 0).tolist()) for n, o in operators.items()}
    return {"threads": OPTIONS.threads, "batch": OPTIONS.batch, **result}


def main() -> None:
    result = measure()
    tables = result["by_type_ms"]
    for key, value in result.items():
        if key != "by_type_ms":
            print(f"{key:28} {value:9.2f}" if isinstance(value, float) else f"{key:28} {value:9}")
    print(f"{'type':14}" + "".join(f"{name:>18}" for name in tables))
    for type_ in tables["c2"]:
        print(f"{type_:14}" + "".join(f"{table[type_]:18.2f}" for table in tables.values()))
    if OPTIONS.json:
        OPTIONS.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
