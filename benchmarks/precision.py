"""Inference in bf16 and int8: c2 beside the peers that have it, interleaved in one run.

    python benchmarks/precision.py --peers PYTHON [--nets NAME ...] [--batch N ...] [--threads N ...]
        [--precision bf16 int8] [--json FILE]

Nets, inputs, processes and timing are those of inference.py; PYTHON has onnx, onnxruntime, openvino and torch. For
int8, c2 runs what `c2.build.quantize` makes, the peers the two models of peer_quantize.py, all calibrated on the same
samples: other draws of the distribution of the inputs. OpenVINO reads those models too. onnxruntime has no bf16 on a
CPU, and torch's int8 is not measured.

`in` is how many convolutions and products of matrices a runtime says it computes in the precision, of all: one that
does most of them in another is shown, and is no peer.

`ms` is the fastest run of all rounds, `cpu ms` the least processor time, which says more on a busy machine; `same top`
is the share of rows (of the inputs, not of the samples) whose largest score is at the place where float32 has it, and
`error` the largest difference as a share of the largest score. Weights are random, so scores lie close together and
neither says anything of accuracy: `c2 quantize --labels` does, on a trained net and real data.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from caffe2_oracle import HERE
from machine import describe_machine
from nets import NETS, benchmark_net
from server import Server

import c2
from c2.build.quantize import quantize
from c2.data import batches
from c2.serialize.model_files import load_model, save_model

SAMPLES = 32
SETTLE = 0.05
FORMS = ("qdq", "symmetric")
OURS = "c2 MKL"
TORCH = ("torch-eager", "torch-channels-last", "torch-compiled")


def make_job(options: argparse.Namespace, folder: Path, net: str, batch: int) -> None:
    """The model in float32, and in `int8`, `qdq` and `symmetric` below it."""
    make = [sys.executable, HERE / "inference_job.py", folder, net, str(batch)]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
    subprocess.run([options.peers, HERE / "peer_onnx.py", folder], check=True)
    if "int8" not in options.precision:
        return
    model = benchmark_net(net)
    samples = model.input(seed=2, batch=max(SAMPLES // batch, 1) * batch)
    np.save(folder / "samples.npy", samples)
    quantized = [options.peers, HERE / "peer_quantize.py", folder]
    done = subprocess.run(quantized, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{options.peers} cannot quantize {net}:\n{done.stderr[-2000:]}")
    init_net, predict_net = load_model(folder)
    (folder / "int8").mkdir()
    made = quantize(init_net, predict_net, batches({model.data: samples}, batch))
    save_model(folder / "int8", init_net, made)
    for form in ("int8", *FORMS):
        for name in ("input.npy", "graph.json", "weights.npz"):
            shutil.copy(folder / name, folder / form)


def commands(options: argparse.Namespace, folder: Path) -> dict[tuple[str, str], list[Any]]:
    """(precision, runtime) -> how to start it."""
    ours, peer = [sys.executable, HERE / "serve_c2.py"], [options.peers, HERE / "serve_peer.py"]
    found: dict[tuple[str, str], list[Any]] = {("fp32", OURS): [*ours, "MKL", folder, "fp32"]}
    if "bf16" in options.precision:
        found["bf16", OURS] = [*ours, "MKL", folder, "bf16"]
        for runtime in ("openvino", *TORCH):
            found["bf16", runtime] = [*peer, runtime, folder, "bf16"]
    if "int8" in options.precision:
        found["int8", OURS] = [*ours, "MKL", folder / "int8", "int8"]
        for form in FORMS:
            for runtime in ("onnxruntime", "openvino"):  # what is not quantized is float32
                found["int8", f"{runtime} {form}"] = [*peer, runtime, folder / form, "fp32"]
    return found


def measure(
    options: argparse.Namespace, folder: Path, net: str, batch: int, threads: int
) -> dict[str, Any]:
    """One row of the results."""
    expected = np.load(folder / "expected.npy").reshape(batch, -1)
    servers: dict[tuple[str, str], Server] = {}
    told: dict[tuple[str, str], dict[str, Any]] = {}
    for key, command in commands(options, folder).items():
        server = Server(command, threads, folder / "scratch")
        try:
            result = np.array(server.ask("check")["result"]).reshape(batch, -1)
            kinds = server.ask("kinds")
        except RuntimeError as failure:
            told[key] = {"missing": str(failure)}
            server.close()
            continue
        same = float((result.argmax(1) == expected.argmax(1)).mean())
        error = float(np.abs(result - expected).max() / np.abs(expected).max())
        servers[key], told[key] = server, {"same_top": same, "error": error, "kinds": kinds}
    times: dict[tuple[str, str], list[dict[str, float]]] = {key: [] for key in servers}
    for _ in range(options.rounds):
        for key, server in servers.items():
            time.sleep(SETTLE)
            times[key].append(server.ask(f"run {options.seconds}"))
    for key, server in servers.items():
        server.close()
        told[key] |= {kind: min(one[kind] for one in times[key]) for kind in ("ms", "cpu_ms")}
    runtimes = [{"precision": p, "runtime": r, **found} for (p, r), found in told.items()]
    row = {"net": net, "batch": batch, "threads": threads, "runtimes": runtimes}
    found = {precision: ratios(row, precision) for precision in options.precision}
    return {**row, "ratios": {precision: one for precision, one in found.items() if one}}


def is_in_precision(one: dict[str, Any]) -> bool:
    """Whether most of what a runtime told of is computed in the precision of its row."""
    return 2 * one["kinds"].get(one["precision"], 0) > sum(one["kinds"].values())


def ratios(row: dict[str, Any], precision: str) -> dict[str, Any] | None:
    """The fastest peer by each kind of time, over c2; None where one of them was not timed."""
    timed = [r for r in row["runtimes"] if r["precision"] == precision and "ms" in r]
    ours = [r for r in timed if r["runtime"] == OURS]
    peers = [r for r in timed if r["runtime"] != OURS and is_in_precision(r)]
    if not ours or not peers:
        return None
    found: dict[str, Any] = {}
    for kind in ("ms", "cpu_ms"):
        best = min(peers, key=lambda r: float(r[kind]))
        found[kind] = {"peer": best["runtime"], "ratio": best[kind] / ours[0][kind]}
    return found


def print_row(row: dict[str, Any]) -> None:
    print(f"\n{row['net']}, batch {row['batch']}, {row['threads']} threads")
    print(f"  {'':5} {'runtime':24} {'ms':>9} {'cpu ms':>9} {'in':>8} {'same top':>9} {'error':>8}")
    for one in row["runtimes"]:
        named = f"  {one['precision']:5} {one['runtime']:24}"
        if "missing" in one:
            print(f"{named} not timed: {one['missing']}")
            continue
        inside = f"{one['kinds'].get(one['precision'], 0)}/{sum(one['kinds'].values())}"
        print(
            f"{named} {one['ms']:9.3f} {one['cpu_ms']:9.3f} {inside:>8} {one['same_top']:9.1%} {one['error']:8.1%}",
            flush=True,
        )


def print_ratios(rows: list[dict[str, Any]]) -> None:
    """All rows in one table: the best peer's time over c2's, by the clock and by processor time."""
    print(
        f"\n{'best peer / c2':16} {'batch':>5} {'threads':>7} {'':5} {'ms':>6} {'cpu ms':>7}  peer"
    )
    for row in rows:
        for precision, found in row["ratios"].items():
            ms, cpu = found["ms"], found["cpu_ms"]
            print(
                f"{row['net']:16} {row['batch']:5} {row['threads']:7} {precision:5} {ms['ratio']:6.2f} "
                f"{cpu['ratio']:7.2f}  {ms['peer']}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", required=True, help="interpreter that has the peers")
    parser.add_argument("--nets", nargs="+", default=["resnet50", "mobilenet_v2"], choices=NETS)
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 16])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument(
        "--precision", nargs="+", default=["bf16", "int8"], choices=["bf16", "int8"]
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="per runtime and round")
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    rows = []
    machine = {**describe_machine(), "c2": c2.__version__}
    for net in options.nets:
        for batch in options.batch:
            with tempfile.TemporaryDirectory() as folder:
                make_job(options, Path(folder), net, batch)
                for threads in options.threads:
                    rows.append(measure(options, Path(folder), net, batch, threads))
                    print_row(rows[-1])
                    if options.json:
                        options.json.write_text(
                            json.dumps({"machine": machine, "rows": rows}, indent=1)
                        )
    print_ratios(rows)


if __name__ == "__main__":
    main()
