"""A job whose ranks run where Ray finds room: one actor for each."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Sequence
from typing import Any

from c2.communicate.launch.lead import PASSED_ON, Hear, Link, News, lead
from c2.communicate.launch.part import Part
from c2.communicate.launch.processes import THREADS, Failure, Tell
from c2.errors import CommunicationError

PATIENCE = 0.5  # seconds that an actor waits for news before it says that there are none


def launch_on_ray(
    command: Sequence[str],
    size: int,
    tell: Tell,
    *,
    run_id: str | None = None,
    cpus: int = 1,
    store: str | None = None,
) -> Failure | None:
    """Runs a command in `size` processes in the cluster that `ray.init()` finds, or else in one of this machine.

    Args:
        cpus: of each rank; also its threads where the caller has not said how many.
        store: as in `lead`.

    Raises:
        CommunicationError: Ray is not installed, has no room, or loses an actor.
    """
    try:
        import ray  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        raise CommunicationError("Ray is not installed. Run: pip install c2-core[ray]") from None
    ours = not ray.is_initialized()
    if ours:
        ray.init(log_to_driver=False)
    try:
        actor = ray.remote(num_cpus=cpus, max_concurrency=2)(RayPart)
        links = [_Actor(ray, actor, rank) for rank in range(size)]
        own = {n: v for n, v in os.environ.items() if n.startswith(PASSED_ON)}
        environment = {**dict.fromkeys(THREADS, str(cpus)), **own}
        return lead(command, links, tell, run_id=run_id, store=store, environment=environment)
    finally:
        if ours:
            ray.shutdown()


class RayPart:
    """A part as an actor: news wait until they are asked for."""

    def __init__(self) -> None:
        self._news: queue.Queue[News] = queue.Queue()
        self._part = Part(self._news.put)

    def order(self, what: News) -> None:
        self._part.order(what)

    def stop(self) -> None:
        self._part.stop()

    def news(self) -> list[News]:
        """All that there are, after PATIENCE at most."""
        found: list[News] = []
        with contextlib.suppress(queue.Empty):
            found.append(self._news.get(timeout=PATIENCE))
            while True:
                found.append(self._news.get_nowait())
        return found

    def address(self) -> str:
        import ray

        return str(ray.util.get_node_ip_address())


class _Actor(Link):
    def __init__(self, ray: Any, actor: Any, rank: int) -> None:
        super().__init__(f"of rank {rank} in Ray", [rank])
        self._ray, self._class = ray, actor
        self._ending = threading.Event()
        self._actor: Any = None
        self._stopped: Any = None
        self._thread: threading.Thread | None = None

    def open(self, hear: Hear) -> None:
        self._actor = self._class.remote()
        self._thread = threading.Thread(target=self._read, args=(hear,), daemon=True)
        self._thread.start()

    def order(self, what: News) -> None:
        self._actor.order.remote(what)

    def stop(self) -> None:
        self._ending.set()
        if self._actor is not None:
            self._stopped = self._actor.stop.remote()

    def close(self) -> None:
        if self._actor is None or self._thread is None:
            return
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.get(self._stopped, timeout=10)
        self._ray.kill(self._actor)
        self._thread.join()

    def address(self) -> str:
        return str(self._ray.get(self._actor.address.remote()))

    def _read(self, hear: Hear) -> None:
        try:
            while not self._ending.is_set():
                for news in self._ray.get(self._actor.news.remote()):
                    hear(news)
        except self._ray.exceptions.RayError as error:
            hear({"gone": str(error)})
