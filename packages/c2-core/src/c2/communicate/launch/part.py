"""The part of a job that one host runs: `python -m c2.communicate.launch.part`, started there by whoever leads the job.

Orders come as lines of JSON on standard input, news go as lines of JSON to standard output. Where the input ends, the
one who leads is gone and the ranks are ended.

    {"serve": PORT}                          -> {"port": PORT}          (0: any free one)
    {"start": {command, ranks, environment, folder}} -> {"rank": R, "line": TEXT} ..., {"ended": Failure or null}
    any of them                              -> {"error": TEXT}
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from c2 import __version__
from c2.communicate.launch.processes import run_ranks
from c2.communicate.tcp_store import TCPStore
from c2.errors import C2Error

Say = Callable[[dict[str, Any]], Any]


class Part:
    """Runs the ranks of one host by order.

    Args:
        say: called with each piece of news, in threads.
    """

    def __init__(self, say: Say) -> None:
        self._say = say
        self._stopped = threading.Event()
        self._running: threading.Thread | None = None
        self._store: TCPStore | None = None
        say({"ready": __version__})

    def order(self, what: dict[str, Any]) -> None:
        if "serve" in what:
            self._guarded(self._serve, what["serve"])
        elif "start" in what:
            self._running = threading.Thread(
                target=self._guarded, args=(self._run,), kwargs=what["start"]
            )
            self._running.start()

    def stop(self) -> None:
        """Ends the ranks; returns when they have ended."""
        self._stopped.set()
        if self._running is not None:
            self._running.join()
        if self._store is not None:
            self._store.close()

    def _guarded(self, work: Callable[..., None], *given: Any, **named: Any) -> None:
        try:
            work(*given, **named)
        except (C2Error, OSError) as error:
            self._say({"error": str(error)})

    def _serve(self, port: int) -> None:
        """The store outlives every rank, so those that survive can meet there again."""
        self._store = TCPStore("", port, serve=True)
        self._say({"port": self._store.port})

    def _run(
        self, command: list[str], ranks: list[int], environment: dict[str, str], folder: str
    ) -> None:
        os.chdir(folder)
        failure = run_ranks(
            command, ranks, {**os.environ, **environment}, self._tell, self._stopped.is_set
        )
        self._say({"ended": asdict(failure) if failure else None})

    def _tell(self, rank: int, line: str) -> None:
        self._say({"rank": rank, "line": line})


def main() -> None:
    lock = threading.Lock()

    def say(news: dict[str, Any]) -> None:
        with lock:
            print(json.dumps(news), flush=True)

    part = Part(say)
    for line in sys.stdin:
        part.order(json.loads(line))
    part.stop()


if __name__ == "__main__":
    main()
