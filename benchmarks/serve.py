"""The loop of a process that keeps one net ready in one runtime; inference.py asks it over standard input and output.

`check` answers what loading cost and what comes out, `kinds` how many of its linear operators compute in which
precision (where the runtime tells), `run SECONDS` the least milliseconds of a run in that
time, by the clock (`ms`) and of processor time (`cpu_ms`), which says more where other processes run too.
Runs on Python 3.8 too, which real Caffe2 needs.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any


def serve(
    load: Callable[[], Any], ready: Callable[[], tuple[Any, ...]], version: Callable[[], str]
) -> None:
    """Answers until standard input ends.

    Args:
        load: imports the runtime.
        ready: reads the model's files; gives a call that runs the net once, one that fetches the result, and perhaps
            one that tells {precision: how many linear operators compute in it}.
        version: of the runtime, asked after the first run.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # some runtimes print
    start = perf_counter()
    load()
    loaded = perf_counter()
    library = memory_mb("VmRSS")
    run, fetch, *kinds = ready()
    run()
    fetch()
    first = {"import_ms": 1e3 * (loaded - start), "first_ms": 1e3 * (perf_counter() - loaded)}
    for line in sys.stdin:
        command, *rest = line.split()
        if command == "check":
            run()
            answer: Any = {"version": version(), "result": fetch().ravel().tolist(), **first}
            answer["peak_mb"] = memory_mb("VmHWM")
            answer["model_mb"] = answer["peak_mb"] - library
        elif command == "kinds":
            answer = kinds[0]() if kinds else {}
        else:
            answer = least(run, float(rest[0]))
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def least(run: Callable[[], Any], seconds: float) -> dict[str, float]:
    """Milliseconds of the fastest run in so many seconds, and of the one with the least processor time."""
    times: list[tuple[float, float]] = []
    begin = perf_counter()
    while not times or perf_counter() - begin < seconds:
        cpu, start = process_time(), perf_counter()
        run()
        end = perf_counter()
        times.append((end - start, process_time() - cpu))
    ms, cpu_ms = (1e3 * min(kind) for kind in zip(*times))
    return {"ms": ms, "cpu_ms": cpu_ms}


def memory_mb(field: str) -> float:
    """Resident memory of this process: VmRSS now, VmHWM at most so far, libraries and mapped files included."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    line = next(text for text in status.splitlines() if text.startswith(field))
    return int(line.split()[1]) * 1024 / 1e6
