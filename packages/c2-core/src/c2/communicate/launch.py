"""Starting all processes of a job on this machine, and ending them together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from c2.compile.net import usable_cores

LINES = 100  # of a rank that are told again where it fails
GRACE = 5.0  # seconds between asking a process to end and ending it
LOOK = 0.02  # seconds between two looks at the processes
THREADS = ("C2_NUM_THREADS", "OMP_NUM_THREADS")  # shared out where the caller has not said how many


class Rank:
    """A process of the job; what it writes is handed on line by line."""

    def __init__(
        self, rank: int, command: Sequence[str], environment: dict[str, str], tell: Tell
    ) -> None:
        self.rank, self.last = rank, deque[str](maxlen=LINES)
        self.process = subprocess.Popen(
            command, env={**environment, "C2_RANK": str(rank)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True,
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


Tell = Callable[[int, str], Any]


def launch(
    command: Sequence[str], size: int, tell: Tell, run_id: str | None = None
) -> tuple[int, Rank | None]:
    """Runs a command in `size` processes, each with its C2_RANK; they meet in a folder that is gone afterwards.

    Where one fails, the others are ended.

    Args:
        tell: called with rank and line for all that they write.

    Returns:
        The exit status (0: all went well), and the rank that failed first.
    """
    with tempfile.TemporaryDirectory(prefix="c2-launch-") as folder:
        environment = {
            **os.environ, "C2_SIZE": str(size), "C2_STORE": f"file://{folder}",
            "C2_RUN_ID": run_id or uuid.uuid4().hex, "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        for name in THREADS:
            environment.setdefault(name, str(max(1, usable_cores() // size)))
        ranks: list[Rank] = []
        try:
            for number in range(size):
                ranks.append(Rank(number, command, environment, tell))
            failed = _watch(ranks)
        finally:
            _end(ranks)
        return (failed.finish() if failed else 0), failed


def _watch(ranks: Sequence[Rank]) -> Rank | None:
    """Waits until all have ended well, or one has not."""
    running = list(ranks)
    while running:
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
