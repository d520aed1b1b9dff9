"""Runs a function with a time limit, in a thread that is left behind where the limit passes."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class TimeIsUp(Exception):
    """The limit passed; `stack` says where the function stood."""

    def __init__(self, seconds: float, stack: str) -> None:
        super().__init__(f"not finished after {seconds:g} s")
        self.stack = stack


def run_within(seconds: float, function: Callable[[], T], name: str) -> T:
    """The function's result, or what it raised.

    A thread cannot be stopped from outside: past the limit it goes on by itself, and nobody looks at
    its result. With 0 seconds there is no limit and no thread.

    Raises:
        TimeIsUp: the limit passed.
    """
    if not seconds:
        return function()
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:  # SystemExit too: a thread would end without a word
            errors.append(error)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeIsUp(seconds, _stack(thread))
    if errors:
        raise errors[0]
    return results[0]


def _stack(thread: threading.Thread) -> str:
    frame: Any = sys._current_frames().get(thread.ident or 0)
    return "".join(traceback.format_stack(frame)) if frame is not None else ""
