"""Leading a job whose parts run elsewhere: all start together, and one that fails ends all."""

from __future__ import annotations

import os
import queue
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from c2 import __version__
from c2.communicate.launch.processes import Failure, Tell
from c2.errors import CommunicationError

READY = 60.0  # seconds within which all hosts must answer
PASSED_ON = (
    "C2_",
    "OMP_",
    "MKL_",
    "GLOO_",
    "PYTHONPATH",
)  # beginnings of variables that all ranks get

News = dict[str, Any]
Hear = Callable[[News], Any]


class Link(ABC):
    """The way to a `Part` elsewhere, and the ranks that it runs.

    Its news are handed to `hear`, in a thread; the last one is {"gone": why}.
    """

    def __init__(self, host: str, ranks: Sequence[int]) -> None:
        self.host, self.ranks = host, list(ranks)

    @abstractmethod
    def open(self, hear: Hear) -> None:
        """Starts the part. Raises CommunicationError where what leads there is missing."""

    @abstractmethod
    def order(self, what: News) -> None:
        """Hands on an order; one to a part that is gone is lost."""

    @abstractmethod
    def stop(self) -> None:
        """Asks the part to end its ranks; returns at once."""

    @abstractmethod
    def close(self) -> None:
        """Returns when the part has ended."""

    @abstractmethod
    def address(self) -> str:
        """What the other hosts call this one."""


def lead(
    command: Sequence[str],
    links: Sequence[Link],
    tell: Tell,
    *,
    run_id: str | None = None,
    store: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Failure | None:
    """Runs a job over links; where one rank fails, all others are ended.

    Args:
        tell: called with rank and line for all that ranks write.
        store: where ranks meet: `redis://...`, `file:///FOLDER` that all see, or `tcp://HOST:PORT` by which all reach
            the first host, which serves it; None: there, by its own name at a free port.
        environment: in place of this process's variables that PASSED_ON names.

    Raises:
        CommunicationError: a host cannot be reached, has no c2 or another one, or is lost.
    """
    if environment is None:
        environment = {n: v for n, v in os.environ.items() if n.startswith(PASSED_ON)}
    conversation = _Conversation(links, tell)
    try:
        conversation.open()
        job = {
            "C2_SIZE": str(sum(len(link.ranks) for link in links)),
            "C2_RUN_ID": run_id or uuid.uuid4().hex,
            **conversation.meeting(store),
        }
        for link in links:
            own = {"ranks": link.ranks, "environment": {**environment, **job}}
            link.order({"start": {"command": list(command), "folder": os.getcwd(), **own}})
        return conversation.finish()
    finally:
        for link in links:
            link.stop()
        for link in links:
            link.close()


class _Conversation:
    """The orders to all links, and their news in the order in which they come."""

    def __init__(self, links: Sequence[Link], tell: Tell) -> None:
        self._links, self._tell = links, tell
        self._news: queue.Queue[tuple[Link, News]] = queue.Queue()

    def open(self) -> None:
        for link in self._links:
            link.open(lambda news, link=link: self._news.put((link, news)))  # type: ignore[misc]
        silent, end = {link.host for link in self._links}, time.monotonic() + READY
        while silent:
            link, news = self._next(end, f"no word from {', '.join(sorted(silent))}")
            if news.get("ready") != __version__:
                raise CommunicationError(
                    f"host {link.host} has c2 {news.get('ready')}, this machine has {__version__}: install the same"
                )
            silent.discard(link.host)

    def meeting(self, store: str | None) -> dict[str, str]:
        """The variables that say where ranks meet; the first host serves that place where it is to."""
        kind, _, where = (store or f"tcp://{self._links[0].address()}:0").partition("://")
        host, _, port = where.rpartition(":")
        if kind != "tcp" or not port.isdecimal():
            return {"C2_STORE": store or ""}  # what reads it says what is wrong with it
        self._links[0].order({"serve": int(port)})
        _, news = self._next(
            time.monotonic() + READY, f"{self._links[0].host} did not open port {port}"
        )
        return {"C2_STORE": f"tcp://{host}:{news['port']}", "C2_STORE_SERVED": "1"}

    def finish(self) -> Failure | None:
        left = len(self._links)
        while left:
            link, news = self._next()
            if news.get("ended"):
                return Failure(**{**news["ended"], "host": link.host})
            if "ended" in news:
                left -= 1
        return None

    def _next(self, end: float | None = None, late: str = "") -> tuple[Link, News]:
        """The next piece of news that is no line, no fault and no end of a link that has done its work."""
        while True:
            try:
                left = None if end is None else max(0.0, end - time.monotonic())
                link, news = self._news.get(timeout=left)
            except queue.Empty:
                raise CommunicationError(f"{late} within {READY:g} s") from None
            if "line" in news:
                self._tell(news["rank"], news["line"])
            elif "error" in news:
                raise CommunicationError(f"host {link.host}: {news['error']}")
            elif "gone" in news:
                raise CommunicationError(f"host {link.host}: {news['gone']}")
            else:
                return link, news
