"""Where the time of inference goes: each operator in c2 with c2-mkl, beside onnxruntime and OpenVINO.

    python benchmarks/inference_operators.py NET --peers PYTHON [--batch N] [--threads N] [--runs N] [--all]

Times are lower quartiles in ms. What a runtime does to an operator's result (batch norm, activation, residual sum)
counts as the operator's, since most fuse it; what belongs to no operator of the net, changes of layout above all, is
`reorders`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from inference_job import write_job
from profile_peer import lower_quartile

import c2.registry
from c2.compile import program as programs
from c2.compile.net import CompiledNet
from c2.compile.runner import make_runner
from c2.graph.check import check_net
from c2.serialize.model_files import load_model

HERE = Path(__file__).resolve().parent
PEERS = ("onnxruntime", "openvino")
JOINS = frozenset({"Relu", "Clip", "SpatialBN", "Dropout", "Sum"})
OTHER = -1


def anchors(ops: list[dict[str, Any]]) -> list[int]:
    """Of each operator the one that its time is counted to: itself, or the last one that made an input of it."""
    made: dict[str, int] = {}
    found: list[int] = []
    for k, op in enumerate(ops):
        sources = [found[made[n]] for n in op["inputs"] if n in made]
        found.append(max(sources) if op["type"] in JOINS and sources else k)
        made.update(dict.fromkeys(op["outputs"], k))
    return found


def profile_c2(job: Path, ops: list[dict[str, Any]], threads: int, runs: int) -> dict[int, float]:
    """Milliseconds by the position of the operator: every native call is run and timed alone."""
    steps: list[list[float]] = []

    def timed(rows: Sequence[Any], kind: str | None = None) -> Any:
        made = [make_runner([step], kind)[0] for step in rows]
        mine: list[list[float]] = [[] for _ in made]
        steps.extend(mine)

        def run() -> tuple[int, int]:
            for one, times in zip(made, mine):
                start = perf_counter()
                failed, code = one()
                times.append(perf_counter() - start)
                assert failed < 0, code
            return -1, 0

        return run, "timed"

    programs.make_runner = timed
    init_net, net = load_model(job)
    workspace = c2.Workspace()
    workspace.run_once(init_net)
    weights = workspace.blobs()
    checked = check_net(net)
    (data,) = set(checked.needs()) - set(weights)
    workspace.feed(data, np.load(job / "input.npy"))
    made = CompiledNet(checked, workspace, workspace.registry, constants=weights, threads=threads)
    for _ in range(runs):
        made.run()
    native = [s for s in made.program().stages if s.native]
    if len(native) < len(made.program().stages):
        print("not timed: operators without native kernels")
    found: dict[int, float] = {}
    where = _versions(ops)
    for stage, times in zip(native, steps):
        key = OTHER if stage.engine == "reorder" else where.get(stage.node.outputs[0], OTHER)
        found[key] = found.get(key, 0.0) + 1e3 * lower_quartile(times)
    return found


def _versions(ops: list[dict[str, Any]]) -> dict[str, int]:
    """The position of the operator that makes each blob, with the names that the compiler gives earlier versions."""
    writes = Counter(n for op in ops for n in op["outputs"])
    seen: Counter[str] = Counter()
    found = {}
    for k, op in enumerate(ops):
        for n in op["outputs"]:
            seen[n] += 1
            found[n if seen[n] == writes[n] else f"{n}@{seen[n]}"] = k
    return found


def profile_peer(
    python: str, name: str, job: Path, ops: list[dict[str, Any]], threads: int, runs: int
) -> dict[int, float]:
    """Milliseconds by the position of the operator, which stands in the names of nodes."""
    script = [python, HERE / "profile_peer.py", name, job, str(threads), str(runs)]
    done = subprocess.run(script, check=True, stdout=subprocess.PIPE, text=True)
    names = [
        re.compile(rf"{re.escape(op['outputs'][0])}_{k}(_nchwc)?\b") for k, op in enumerate(ops)
    ]
    found: dict[int, float] = {}
    for node, ms in json.loads(done.stdout.splitlines()[-1]).items():
        known = [k for k, name in enumerate(names) if name.search(node)]
        key = known[-1] if known and "_abcd_" not in node else OTHER
        found[key] = found.get(key, 0.0) + ms
    return found


def report(graph: dict[str, Any], profiles: dict[str, dict[int, float]], everything: bool) -> None:
    """Operators where c2 loses most against the best peer, first; sums by type."""
    ops, to = graph["ops"], anchors(graph["ops"])
    rows: dict[int, Counter[str]] = {}
    for name, profile in profiles.items():
        for k, ms in profile.items():
            rows.setdefault(OTHER if k == OTHER else to[k], Counter())[name] += ms
    names = list(profiles)
    print(f"{'ms':44}" + "".join(f"{n:>13}" for n in names))
    sums: dict[str, Counter[str]] = {}
    for k, times in rows.items():
        sums.setdefault(_kind(ops, graph["shapes"], k), Counter()).update(times)
    for kind, times in sums.items():
        print(f"{kind:44}" + "".join(f"{times[n]:13.3f}" for n in names))
    print(f"{'all':44}" + "".join(f"{sum(r[n] for r in rows.values()):13.3f}" for n in names))
    print("\nwhere c2 loses most against the best peer of the operator:")

    def lost(k: int) -> float:
        peers = [rows[k][n] for n in names[1:] if rows[k][n]]  # none: counted to another operator
        return rows[k][names[0]] - min(peers, default=0.0)

    ranked = sorted(rows, key=lambda k: -lost(k))
    for k in ranked if everything else ranked[:20]:
        what = "reorders" if k == OTHER else _describe(ops[k], graph["shapes"])
        print(f"{what:60}" + "".join(f"{rows[k][n]:13.3f}" for n in names))


def _kind(ops: list[dict[str, Any]], shapes: Any, k: int) -> str:
    if k == OTHER:
        return "reorders"
    op = ops[k]
    if op["type"] != "Conv":
        return str(op["type"])
    kernel = shapes[op["inputs"][1]][2:]
    depthwise = " depthwise" * (op["args"]["group"] > 1)
    return f"Conv {kernel[0]}x{kernel[1]}{depthwise}"


def _describe(op: dict[str, Any], shapes: Any) -> str:
    x, y = (shapes[op[side][0]] for side in ("inputs", "outputs"))
    window = ""
    if op["type"] == "Conv":
        window = f" {shapes[op['inputs'][1]][2]}x{shapes[op['inputs'][1]][3]} group {op['args']['group']}"
    return f"{op['outputs'][0]}: {op['type']}{window} {'x'.join(map(str, x))} to {'x'.join(map(str, y))}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("net")
    parser.add_argument("--peers", required=True, help="interpreter that has the peers")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--all", action="store_true", help="every operator, not the worst alone")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder)
        write_job(job, options.net, options.batch)
        subprocess.run([options.peers, HERE / "peer_onnx.py", job], check=True)
        graph = json.loads((job / "graph.json").read_text())
        ops, rest = graph["ops"], (options.threads, options.runs)
        profiles = {"c2 MKL": profile_c2(job, ops, *rest)}
        for name in PEERS:
            profiles[name] = profile_peer(options.peers, name, job, ops, *rest)
    report(graph, profiles, options.all)


if __name__ == "__main__":
    main()
