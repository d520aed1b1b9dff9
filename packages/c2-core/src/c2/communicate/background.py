"""Collectives that go on while their caller does something else."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from c2.communicate.communicator import Communicator

Work = Callable[["Communicator"], Any]


class Background:
    """A thread that does what it is given, one after the other, through a clone: the original stays the caller's.

    It lives as long as the communicator `of`, and ends with the process without being waited for.
    """

    def __init__(self, of: Communicator) -> None:
        self._todo: SimpleQueue[tuple[int, Work] | None] = SimpleQueue()
        self._done: dict[int, tuple[Any, BaseException | None]] = {}
        self._changed = threading.Condition()
        self._begun = 0
        threading.Thread(
            target=_work_off, args=(of.clone(), self._todo, self._end), daemon=True, name="c2-collectives"
        ).start()  # fmt: skip
        weakref.finalize(of, self._todo.put, None)

    def begin(self, work: Work) -> int:
        """Puts work behind all that was begun before; its number."""
        self._begun += 1
        self._todo.put((self._begun, work))
        return self._begun

    def finish(self, number: int) -> Any:
        """What that work returned, when it is done; once for each number. Raises what it raised."""
        with self._changed:
            self._changed.wait_for(lambda: number in self._done)
            result, error = self._done.pop(number)
        if error is not None:
            raise error
        return result

    def _end(self, number: int, result: Any, error: BaseException | None) -> None:
        with self._changed:
            self._done[number] = result, error
            self._changed.notify_all()


def _work_off(
    ranks: Communicator,
    todo: SimpleQueue[tuple[int, Work] | None],
    end: Callable[[int, Any, BaseException | None], None],
) -> None:
    while (one := todo.get()) is not None:
        number, work = one
        try:
            end(number, work(ranks), None)
        except BaseException as error:  # the caller gets it, whatever it is
            end(number, None, error)
        del one, work  # and the arrays that they hold
    ranks.close()
