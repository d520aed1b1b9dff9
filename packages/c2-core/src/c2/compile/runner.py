"""The two runners of a list of native steps: a C loop where it was built, and a Python loop of equal meaning."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from cffi import FFI

Run = Callable[[], "tuple[int, int]"]  # position of the step that failed (-1: none) and its code


def make_runner(
    steps: Sequence[tuple[int, int, Sequence[int]]], kind: str | None = None
) -> tuple[Run, str]:
    """A call that runs all steps.

    Args:
        steps: (function, context, addresses of the buffers).
        kind: "c" or "python"; None: $C2_RUNNER, or the best there is.

    Returns:
        The call and the kind it is.
    """
    kind = kind or os.environ.get("C2_RUNNER") or None
    if kind != "python":
        try:
            return _c_runner(steps), "c"
        except ImportError:
            if kind == "c":
                raise
    return _python_runner(steps), "python"


def _c_runner(steps: Sequence[tuple[int, int, Sequence[int]]]) -> Run:
    from c2.compile._runner import ffi, lib  # type: ignore[import-not-found]

    table = ffi.new("c2_step[]", len(steps))
    tables = [_pointers(ffi, buffers) for _, _, buffers in steps]
    for entry, (function, context, _), pointers in zip(table, steps, tables):
        entry.function = ffi.cast("void *", function)
        entry.context = ffi.cast("void *", context)
        entry.buffers = pointers
    code = ffi.new("int *")
    count, call = len(steps), lib.c2_run_steps

    def run(_alive: Any = tables) -> tuple[int, int]:
        return call(table, count, code), code[0]

    return run


def _python_runner(steps: Sequence[tuple[int, int, Sequence[int]]]) -> Run:
    ffi = FFI()
    calls = [
        (
            ffi.cast("int (*)(void *, void *const *)", function),
            ffi.cast("void *", context),
            _pointers(ffi, buffers),
        )
        for function, context, buffers in steps
    ]

    def run() -> tuple[int, int]:
        for position, (function, context, buffers) in enumerate(calls):
            code = function(context, buffers)
            if code != 0:
                return position, code
        return -1, 0

    return run


def _pointers(ffi: Any, addresses: Sequence[int]) -> Any:
    return ffi.new("void *[]", [ffi.cast("void *", a) for a in addresses])
