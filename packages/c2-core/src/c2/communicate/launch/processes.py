"""Ranks as processes of this machine: started, heard and ended together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from c2.compile.net import usable_cores

LINES = 100  # of a rank that are told again where it fails
GRACE = 5.0  # seconds between asking a process to end and ending it
LOOK = 0.02  # seconds between two looks at the processes
THREADS = ("C2_NUM_THREADS", "OMP_NUM_THREADS")  # shared out where the caller has not said how many

Tell = Callable[[int, str], Any]


@dataclass(frozen=True)
class Failure:
    """The rank that failed first.

    Attributes:
        status: its exit status, negative for a signal.
        last: the lines that it wrote last.
        host: where it ran; None for this machine.
    """

    rank: int
    status: int
    last: list[str]
    host: str | None = None


class Rank:
    """A process of the job; what it writes is handed on line by line."""

    def __init__(
        self, rank: int, command: Sequence[str], environment: Mapping[str, str], tell: Tell
    ) -> None:
        self.rank, self.last = rank, deque[str](maxlen=LINES)
        self.process = subprocess.Popen(
            command, env={**environment, "C2_RANK": str(rank)}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, args=(tell,), daemon=True)
        self._reader.start()

    def _read(self, tell: Tell) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.last.append(line.rstrip("\n"))
            tell(self.rank, self.last[-1])

    def end(self, number: int) -> None:
        """Sends a signal to the process and what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def finish(self) -> int:
        """Waits for its end and for its last line; its exit status, negative for a signal."""
        status = self.process.wait()
        self._reader.join(GRACE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


def run_ranks(
    command: Sequence[str],
    ranks: Sequence[int],
    environment: Mapping[str, str],
    tell: Tell,
    stopped: Callable[[], bool] = lambda: False,
) -> Failure | None:
    """Runs a command once for each rank; where one fails, or `stopped` says so, the others are ended.

    Args:
        environment: in place of this process's; C2_RANK is added, and the cores are shared out by THREADS.
        tell: called with rank and line for all that they write, in threads.

    Raises:
        OSError: the command cannot be started.
    """
    environment = {
        **dict.fromkeys(THREADS, str(max(1, usable_cores() // len(ranks)))),
        "PYTHONUNBUFFERED": "1",
        **environment,
    }
    started: list[Rank] = []
    try:
        for number in ranks:
            started.append(Rank(number, command, environment, tell))
        failed = _watch(started, stopped)
    finally:
        _end(started)
    return Failure(failed.rank, failed.finish(), list(failed.last)) if failed else None


def _watch(ranks: Sequence[Rank], stopped: Callable[[], bool]) -> Rank | None:
    """Waits until all have ended well, or one has not."""
    running = list(ranks)
    while running and not stopped():
        for one in list(running):
            status = one.process.poll()
            if status is not None:
                running.remove(one)
            if status:
                return one
        time.sleep(LOOK)
    return None


def _end(ranks: Sequence[Rank]) -> None:
    end = time.monotonic() + GRACE
    for one in ranks:
        if one.process.poll() is None:
            one.end(signal.SIGTERM)
    for one in ranks:
        try:
            one.process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            one.end(signal.SIGKILL)
        one.finish()
