"""Everything about c2-cuda that needs a GPU, in one go: the suite, then the benchmark; a table of both comes last.

    python benchmarks/on_gpu.py [--minutes 10] [--json FILE]

Run it in a clone where c2-core and c2-cuda are installed beside PyTorch and pytest.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SHARE = 0.5  # of the time, for the suite


def suite(seconds: float) -> str:
    """pytest's last line; the failures are printed as they come."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--require-backend=CUDA",
        "tests/cuda",
    ]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as late:
        text = late.stdout.decode() if isinstance(late.stdout, bytes) else late.stdout or ""
        print(text[-4000:])
        return f"not done within {seconds:.0f} s"
    lines = done.stdout.strip().splitlines()
    failed = [line for line in lines if re.match(r"(FAILED|ERROR)", line)]
    print("\n".join(failed[:60]) or "no failures", flush=True)
    if failed:
        print(done.stdout[-6000:])
    return lines[-1] if lines else done.stderr.strip()[-300:]


def benchmark(seconds: float, folder: Path) -> list[dict[str, Any]]:
    """Rows of cuda_inference.py, net by net, as long as there is time."""
    rows: list[dict[str, Any]] = []
    end = monotonic() + seconds
    for net in ("resnet50", "mobilenet_v2", "squeezenet", "vgg16"):
        for batch in ("1", "64"):
            left = end - monotonic()
            if left < 20:
                return rows
            path = folder / f"{net}{batch}.json"
            command = [
                sys.executable,
                ROOT / "benchmarks" / "cuda_inference.py",
                "--nets",
                net,
                "--batch",
                batch,
            ]
            try:
                subprocess.run([*command, "--json", path], timeout=left, check=False)
            except subprocess.TimeoutExpired:
                return rows
            if path.exists():
                rows += json.loads(path.read_text())["rows"]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    begin = monotonic()
    told = suite(60 * args.minutes * SHARE)
    with tempfile.TemporaryDirectory() as folder:
        rows = benchmark(60 * args.minutes - (monotonic() - begin) - 10, Path(folder))
    print(f"\nsuite: {told}")
    for row in rows:
        times = {k: v for k, v in row["ms"].items() if isinstance(v, float)}
        peers = {k: v for k, v in times.items() if not k.startswith("c2")}
        ours = times.get("c2 compiled")
        if ours is None or not peers:
            print(f"{row['net']:14} batch {row['batch']:3}  {row['ms']}")
            continue
        best = min(peers, key=lambda k: peers[k])
        print(f"{row['net']:14} batch {row['batch']:3}  c2 {ours:8.3f} ms  {best} {peers[best]:8.3f} ms  "
              f"ratio {peers[best] / ours:5.2f}")  # fmt: skip
    if args.json:
        args.json.write_text(json.dumps({"suite": told, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
