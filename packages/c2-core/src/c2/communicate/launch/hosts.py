"""A job on several hosts, reached by a command such as ssh: one command for each host."""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

from c2.communicate.launch.lead import Hear, Link, News, lead
from c2.communicate.launch.processes import GRACE, LINES, Failure, Tell
from c2.errors import CommunicationError

# Each runs a command on one host and joins its standard streams to ours.
LAUNCHERS = {
    "ssh": "ssh -T -o BatchMode=yes -o ConnectTimeout=10 {host}",
    "mpirun": "mpirun --host {host} -np 1",
    "srun": "srun --nodelist={host} --nodes=1 --ntasks=1 --overlap",
}


def parse_hosts(text: str) -> list[tuple[str, int]]:
    """`a,b:4` as [("a", 1), ("b", 4)]: hosts and how many ranks each runs."""
    found = []
    for part in text.split(","):
        host, colon, count = part.strip().rpartition(":")
        host, count = (host, count) if colon else (count, "1")
        if not host or not count.isdecimal() or int(count) < 1:
            raise CommunicationError(
                f"hosts must be names, each with its number of ranks where that is not 1, as in a,b:4; got '{text}'"
            )
        found.append((host, int(count)))
    repeated = sorted({host for host, _ in found if [h for h, _ in found].count(host) > 1})
    if repeated:
        raise CommunicationError(f"hosts '{text}': {', '.join(repeated)} stands there twice")
    return found


def launch_on_hosts(
    command: Sequence[str],
    hosts: Sequence[tuple[str, int]],
    tell: Tell,
    *,
    run_id: str | None = None,
    launcher: str = "ssh",
    python: str = sys.executable,
    store: str | None = None,
) -> Failure | None:
    """Runs a command on hosts, each with its number of ranks, in the folder that is the current one here.

    Args:
        launcher: a name of LAUNCHERS, or a command where {host} stands for the host: `ip netns exec {host}`.
        python: that of each host, with the same c2.
        store: as in `lead`.

    Raises:
        CommunicationError: as `lead`; or the launcher is missing.
    """
    links, first = [], 0
    for host, count in hosts:
        links.append(_Remote(host, range(first, first + count), launcher, python))
        first += count
    return lead(command, links, tell, run_id=run_id, store=store)


class _Remote(Link):
    """A part at the other end of a command's standard streams."""

    def __init__(self, host: str, ranks: Sequence[int], launcher: str, python: str) -> None:
        super().__init__(host, ranks)
        template = LAUNCHERS.get(launcher, launcher)
        self._command = [word.replace("{host}", host) for word in shlex.split(template)]
        # ssh hands its words to a shell there.
        self._command += [shlex.quote(python), "-m", "c2.communicate.launch.part"]
        self._said = deque[str](maxlen=LINES)
        self._threads: list[threading.Thread] = []
        self._process: subprocess.Popen[str] | None = None

    def open(self, hear: Hear) -> None:
        pipe: Any = subprocess.PIPE
        try:
            self._process = subprocess.Popen(
                self._command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, errors="replace",
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise CommunicationError(
                f"host {self.host}: '{self._command[0]}' cannot be run: {error.strerror}. Install it, or name another "
                "launcher (--launcher)"
            ) from error
        for work in (self._keep_errors, self._read):
            self._threads.append(threading.Thread(target=work, args=(hear,), daemon=True))
            self._threads[-1].start()

    def order(self, what: News) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()

    def stop(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def close(self) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(2 * GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            thread.join(GRACE)
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()

    def address(self) -> str:
        return self.host.rpartition("@")[2]

    def _keep_errors(self, hear: Hear) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        self._said.extend(line.rstrip("\n") for line in self._process.stderr)

    def _read(self, hear: Hear) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                hear(json.loads(line))
            except ValueError:
                self._said.append(line.rstrip("\n"))  # what a login shell greets with
        status = self._process.wait()
        self._threads[0].join(GRACE)
        said = "".join(f"\n  {line}" for line in self._said)
        hear({"gone": f"'{shlex.join(self._command)}' ended with exit status {status}{said}"})
