"""Sums of embedding rows: c2 beside PyTorch's EmbeddingBag and real Caffe2, and the bound that memory sets.

    python benchmarks/embedding_bag.py --peers PYTHON [--caffe2] [--kinds KIND ...] [--threads N ...] [--json FILE]

Every runtime has a process of its own with the same tables, and waits while the others are timed; a time is the least
of all rounds, over all tables. A runtime whose sums are off is not timed. The ratio is the best peer's time over c2's:
above 1, c2 is faster. The bound is the time to bring the same number of random rows, of whole cache lines, from memory
without doing anything to them (gather.c), over prefetch distances.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from caffe2_oracle import SHARED
from server import Server

HERE = Path(__file__).resolve().parent
SCRIPT = HERE / "serve_embedding_bag.py"
KINDS = ("float", "half", "8bit", "4bit")
LINE = 64  # bytes that memory gives at once


def row_bytes(kind: str, width: int) -> int:
    return {"float": 4 * width, "half": 2 * width, "8bit": width + 8, "4bit": width // 2 + 4}[kind]


def bound_ms(options: argparse.Namespace, kind: str, threads: int, folder: Path) -> float:
    """Milliseconds to bring as many rows as a run picks."""
    built = folder / "gather.so"
    if not built.exists():
        command = ["cc", "-O2", "-shared", "-fPIC", "-o", built, HERE / "gather.c", "-lpthread"]
        subprocess.run(command, check=True)
    gather = ctypes.CDLL(str(built)).gather_ns
    gather.restype = ctypes.c_double
    lines = -(-row_bytes(kind, options.width) // LINE)
    picked = options.batch * options.lookups
    sizes = [ctypes.c_ssize_t(n) for n in (options.rows, lines * LINE, picked)]
    times = [gather(*sizes, ahead, threads, 4 * options.rounds) for ahead in (16, 32, 64)]
    return min(times) * picked * options.tables / 1e6


def measure(options: argparse.Namespace, kind: str, threads: int, folder: Path) -> dict[str, Any]:
    job = {n: getattr(options, n) for n in ("tables", "rows", "width", "batch", "lookups")}
    text = json.dumps({**job, "kind": kind})
    commands: dict[str, list[Any]] = {"c2": [sys.executable, SCRIPT, "c2", text]}
    if options.peers:
        commands["PyTorch"] = [options.peers, SCRIPT, "torch", text]
    if options.caffe2:
        oracle = SHARED / "tools" / "oracle"
        commands["Caffe2"] = [oracle, "python", SCRIPT, "caffe2", text]
    servers: dict[str, Server] = {}
    missing: dict[str, str] = {}
    expected: Any = None
    for name, command in commands.items():
        server = Server(command, threads, folder)
        try:
            for form, sums in server.ask("ready").items():
                expected = np.array(sums) if expected is None else expected
                if not np.allclose(sums, expected, 1e-4, 3e-2 if kind == "half" else 1e-4):
                    raise RuntimeError(f"wrong sums: off by {np.abs(sums - expected).max():.1e}")
                servers[form] = server
        except RuntimeError as failure:
            missing[name] = str(failure)
            server.close()
    best = dict.fromkeys(servers, float("inf"))
    for _ in range(options.rounds):
        for form, server in servers.items():
            wall, processor = server.ask(f"run {form} {options.seconds}")
            best[form] = min(best[form], processor if options.processor_time else wall)
    for server in set(servers.values()):
        server.close()
    picked = options.tables * options.batch * options.lookups * row_bytes(kind, options.width)
    return {
        "kind": kind, "threads": threads, "ms": best, "missing": missing,
        "GB/s": {form: picked / ms / 1e6 for form, ms in best.items()},
        "bound_ms": bound_ms(options, kind, threads, folder),
    }  # fmt: skip


def report(result: dict[str, Any]) -> None:
    peers = [ms for form, ms in result["ms"].items() if not form.startswith("c2")]
    bound = result["bound_ms"]
    print(f"{result['kind']}, {result['threads']} threads: bound {bound:.2f} ms")
    for form, ms in result["ms"].items():
        ratio = f"{min(peers) / ms:6.2f} x best peer" if peers and form[:2] == "c2" else ""
        speed = f"{result['GB/s'][form]:6.1f} GB/s {bound / ms:5.0%} of bound"
        print(f"  {form:16} {ms:8.2f} ms {speed} {ratio}")
    for form, why in result["missing"].items():
        print(f"  {form:16} missing: {why}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--peers", help="an interpreter with NumPy and PyTorch")
    parser.add_argument("--caffe2", action="store_true", help="measure real Caffe2 too")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    sizes = {"tables": 8, "rows": 500_000, "width": 64, "batch": 512, "lookups": 80, "rounds": 5}
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seconds", type=float, default=0.5, help="of a round of one runtime")
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="of the process, not the clock: one thread, busy machine",
    )
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for kind in options.kinds:
            for threads in options.threads:
                results.append(measure(options, kind, threads, Path(folder)))
                report(results[-1])
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
