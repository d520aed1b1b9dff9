"""What a figure was measured on: processor, cores, system, and the commit of the sources."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any


def describe_machine() -> dict[str, Any]:
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "commit": _commit(),
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _commit() -> str:
    """The commit, with a plus sign where sources differ from it; "unknown" outside of a repository."""
    here = Path(__file__).resolve().parent
    asked = [["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "--untracked-files=no"]]
    done = [
        subprocess.run(["git", *a], cwd=here, capture_output=True, text=True, check=False)
        for a in asked
    ]
    if done[0].returncode:
        return "unknown"
    return done[0].stdout.strip() + "+" * bool(done[1].stdout.strip())
