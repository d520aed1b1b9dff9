"""What an operator costs besides its arithmetic: a chain of 1000 Relu on 8 floats, against NumPy's own call.

    python benchmarks/relu_chain.py [--json FILE] [--caffe2] [--peers PYTHON]

`simple` and `compiled` are by NumPy alone, `mkl` is compiled with c2-mkl where that is installed; none of them leaves
an operator out. PYTHON is an interpreter that has onnx, numpy and onnxruntime, which is then measured in a process of
its own. Rounds of all are interleaved; the figures are medians over rounds of the best of five runs (onnxruntime: of
as many as fit into as much time).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
from server import Server

import c2
from c2.compile.net import CompiledNet
from c2.graph.check import check_net
from c2.registry import Registry, core_registry

HERE = Path(__file__).resolve().parent
LENGTH = 1000
SECONDS = 5 * LENGTH * 0.5e-6


def chain() -> c2.Net:
    net = c2.Net("chain")
    blob = "x"
    for k in range(LENGTH):
        blob = net.op("Relu", blob, f"h{k}")
    net.add_external_output(blob)
    return net


def workspace(registry: Registry) -> c2.Workspace:
    made = c2.Workspace(registry=registry)
    made.feed("x", np.ones(8, np.float32))
    return made


def compiled(registry: Registry, engine: str) -> Callable[[], None]:
    """A run of the compiled chain, whose operators are all there and by that engine ("": NumPy)."""
    net = CompiledNet(check_net(chain().proto, registry), workspace(registry), registry, threads=1)
    net.run()
    engines = [stage.engine for stage in net.program().stages]
    if engines != [engine] * LENGTH:
        wanted = f"{LENGTH} operators by {engine or 'NumPy'}"
        raise SystemExit(f"expected {wanted}, got {len(engines)} by {set(engines)}")
    return net.run


def best_us(run: Callable[[], object], repeat: int = 5) -> float:
    """Microseconds per operator of the best of some runs."""
    times = []
    for _ in range(repeat):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return min(times) / LENGTH * 1e6


def numpy_calls() -> Callable[[], None]:
    a, b, zero = np.ones(8, np.float32), np.ones(8, np.float32), np.zeros((), np.float32)

    def run() -> None:
        maximum = np.maximum
        for _ in range(LENGTH):
            maximum(a, zero, out=b)

    return run


def onnxruntime(python: str, folder: Path) -> Server:
    """onnxruntime with the chain ready."""
    net = chain().proto
    ops = [
        {"type": "Relu", "inputs": list(o.input), "outputs": list(o.output), "args": {}}
        for o in net.op
    ]
    out = net.external_output[0]
    graph = {"data": "x", "out": out, "ops": ops, "shapes": {"x": [8], out: [8]}}
    (folder / "graph.json").write_text(json.dumps(graph))
    np.savez(folder / "weights.npz")
    np.save(folder / "input.npy", np.ones(8, np.float32))
    subprocess.run([python, HERE / "peer_onnx.py", folder], check=True)
    server = Server([python, HERE / "serve_peer.py", "onnxruntime", folder, "fp32"], 1, folder)
    assert server.ask("check")["result"] == [1.0] * 8
    return server


def measure(rounds: int = 30, caffe2: bool = False, peers: str | None = None) -> dict[str, float]:
    core, registry = core_registry(), c2.registry.default()
    simple = workspace(core).create(chain())
    simple.run()
    runs = {"numpy": numpy_calls(), "simple": simple.run, "compiled": compiled(core, "")}
    if any(mark.engine == "MKL" for mark in registry.natives("Relu")):
        runs["mkl"] = compiled(registry, "MKL")
    ask = {name: lambda run=run: best_us(run) for name, run in runs.items()}
    with tempfile.TemporaryDirectory() as folder:
        if peers:
            server = onnxruntime(peers, Path(folder))
            ask["onnxruntime"] = lambda: server.ask(f"run {SECONDS}")["ms"] * 1e3 / LENGTH
        found: dict[str, list[float]] = {name: [] for name in ask}
        for _ in range(rounds):
            for name, one in ask.items():
                found[name].append(one())
        if peers:
            server.close()
    result = {f"{name}_us": float(np.median(v)) for name, v in found.items()}
    if caffe2:
        from caffe2_oracle import run_in_caffe2

        blobs = {"x": np.ones(8, np.float32)}
        seconds, _ = run_in_caffe2(chain().proto, blobs, runs=200, fetch=["h0"])
        result["caffe2_us"] = float(np.median(seconds)) / LENGTH * 1e6
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--caffe2", action="store_true", help="measure real Caffe2 too (its oracle must be set up)"
    )
    parser.add_argument("--peers", help="interpreter that has onnxruntime")
    options = parser.parse_args()
    result = measure(caffe2=options.caffe2, peers=options.peers)
    for name, value in result.items():
        ratio = value / result["numpy_us"]
        print(f"{name.removesuffix('_us'):12} {value:.3f} us per operator   {ratio:.2f} x NumPy")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
