"""The loop of a process that keeps one net ready in one runtime; inference.py asks it over standard input and output.

`check` answers what loading cost and what comes out, `run SECONDS` the milliseconds of the fastest run in that time.
Runs on Python 3.8 too, which real Caffe2 needs.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any


def serve(
    load: Callable[[], Any], ready: Callable[[], tuple[Any, Any]], version: Callable[[], str]
) -> None:
    """Answers until standard input ends.

    Args:
        load: imports the runtime.
        ready: reads the model's files; gives a call that runs the net once, and one that fetches the result.
        version: of the runtime, asked after the first run.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # some runtimes print
    start = perf_counter()
    load()
    loaded = perf_counter()
    library = memory_mb("VmRSS")
    run, fetch = ready()
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
        else:
            answer = best_ms(run, float(rest[0]))
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def best_ms(run: Any, seconds: float) -> float:
    """Milliseconds of the fastest run in so many seconds."""
    times: list[float] = []
    begin = perf_counter()
    while not times or perf_counter() - begin < seconds:
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return 1e3 * min(times)


def memory_mb(field: str) -> float:
    """Resident memory of this process: VmRSS now, VmHWM at most so far, libraries and mapped files included."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    line = next(text for text in status.splitlines() if text.startswith(field))
    return int(line.split()[1]) * 1024 / 1e6
