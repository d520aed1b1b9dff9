"""Real Caffe2 as a peer and oracle: another Python, started as a process of its own."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("C2_SHARED", HERE.parents[1] / "shared"))


def available() -> bool:
    """Whether the oracle is there and set up."""
    tool = SHARED / "tools" / "oracle"
    return (
        tool.exists()
        and subprocess.run([tool, "suite"], capture_output=True, check=False).returncode == 0
    )


def run_in_caffe2(
    net: Any,
    blobs: Mapping[str, np.ndarray],
    runs: int = 1,
    threads: int = 1,
    fetch: Iterable[str] = (),
) -> tuple[list[float], dict[str, np.ndarray]]:
    """Seconds of each run, and the blobs that were asked for (every output where none were)."""
    with tempfile.TemporaryDirectory() as folder:
        job, result = Path(folder) / "job.npz", Path(folder) / "result.npz"
        np.savez(
            job, net=np.frombuffer(net.SerializeToString(), np.uint8), runs=runs, threads=threads,
            fetch=np.array(list(fetch), dtype=str), **{f"blob/{n}": v for n, v in blobs.items()},
        )  # fmt: skip
        command = [SHARED / "tools" / "oracle", "python", HERE / "run_in_caffe2.py", job, result]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"real Caffe2 failed:\n{done.stderr[-2000:]}")
        with np.load(result, allow_pickle=True) as found:
            return list(found["seconds"]), {
                k[5:]: found[k] for k in found.files if k.startswith("blob/")
            }
