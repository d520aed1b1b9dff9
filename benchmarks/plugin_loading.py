"""What loading plugins costs a process: `python benchmarks/plugin_loading.py [RUNS]`.

Each run is a fresh interpreter with 0 or 8 plugins of one device and five operators; medians are printed.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PLUGIN = """
from c2.plugins import hookimpl
from c2.registry import CPUDevice
C2_API_VERSION = 1
class Toy(CPUDevice):
    name = "TOY{n}"
@hookimpl
def c2_devices(): return [Toy()]
@hookimpl
def c2_operators(): return ["bench_operators{n}"]
"""
OPERATOR = """
S{k} = OpSchema("Bench{n}_{k}", inputs=[Tensor("X")], outputs=[Tensor("Y")], infer=same_as("X"))
@kernel(S{k})
def f{k}(xp, X, *, out=None): return xp.add(X, X, out=out)
"""
# Times, in ms: the library that reads metadata, our modules with pluggy, the search, the loading.
PROGRAM = """
import json, time
import c2.registry
t = [time.perf_counter()]
import importlib.metadata; t.append(time.perf_counter())
import c2.plugins.loader as loader; t.append(time.perf_counter())
found = [p for p in loader.find_plugins() if p.distribution.startswith("bench-")]
t.append(time.perf_counter())
reports = loader.load_plugins(c2.registry.Registry(), found); t.append(time.perf_counter())
assert all(r.status == "loaded" and r.counts["operators"] == 5 for r in reports), reports
from c2.plugins.quarantine import loading
start = time.perf_counter()
for _ in range(100):
    with loading("mark", "bench", "1"): pass
mark = (time.perf_counter() - start) / 100
print(json.dumps([len(reports), *[1e3 * (b - a) for a, b in zip(t, t[1:])], 1e3 * mark]))
"""
COLUMNS = ("import metadata", "import loader", "search", "load", "mark, one plugin")


def install(folder: Path, n: int) -> None:
    (folder / f"bench_plugin{n}.py").write_text(PLUGIN.format(n=n))
    head = "from c2.registry import OpSchema, Tensor, kernel, same_as\n"
    operators = "".join(OPERATOR.format(n=n, k=k) for k in range(5))
    (folder / f"bench_operators{n}.py").write_text(head + operators)
    info = folder / f"bench_{n}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: bench-{n}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[c2]\nbench{n} = bench_plugin{n}\n")


def measure(plugins: int, runs: int) -> list[float]:
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for n in range(plugins):
            install(Path(name), n)
        environment = {**os.environ, "PYTHONPATH": name, "C2_CACHE": str(Path(name, "cache"))}
        for _ in range(runs + 1):
            printed = subprocess.check_output([sys.executable, "-c", PROGRAM], env=environment)
            rows.append(json.loads(printed))
    assert all(row[0] == plugins for row in rows)
    return [statistics.median(column) for column in list(zip(*rows[1:]))[1:]]  # the first compiles


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print("plugins  " + "  ".join(COLUMNS) + "   (ms, medians)")
    for plugins in (0, 8):
        values = measure(plugins, runs)
        print(f"{plugins:7d}  " + "  ".join(f"{v:{len(c)}.2f}" for v, c in zip(values, COLUMNS)))


if __name__ == "__main__":
    main()
