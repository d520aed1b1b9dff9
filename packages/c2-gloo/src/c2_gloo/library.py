"""The C++ part, loaded at first use, and its view of a store."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any

from c2.errors import C2Error, PluginError


def check_built() -> None:
    """Raises PluginError with the reason where there is no C++ part."""
    if find_spec("c2_gloo._gloo") is None:
        raise PluginError(
            "its C++ part (c2_gloo._gloo) was not built. Install a wheel of c2-gloo for this system, or build it where "
            "Gloo's headers are (Debian: apt install libgloo-dev)"
        )


@cache
def gloo() -> tuple[Any, Any]:
    """cffi's `ffi` and `lib`. Raises PluginError where they were not built, or libgloo is not there."""
    check_built()
    try:
        from c2_gloo._gloo import ffi, lib  # type: ignore[import-not-found]
    except ImportError as error:
        raise PluginError(f"libgloo cannot be loaded: {error}") from error

    # What a store raises is kept in its link, as C++ cannot carry it.
    @ffi.def_extern(onerror=lambda *_: None, error=1)  # type: ignore[untyped-decorator]
    def c2_python_set(store: Any, key: Any, value: Any, size: int) -> int:
        link = ffi.from_handle(store)
        return int(link.guarded(lambda: link.store.set(_name(key), bytes(ffi.buffer(value, size)))))

    @ffi.def_extern(onerror=lambda *_: None, error=-1)  # type: ignore[untyped-decorator]
    def c2_python_get(store: Any, key: Any, value: Any, room: int, milliseconds: int) -> int:
        link, found = ffi.from_handle(store), b""

        def look() -> None:
            nonlocal found
            found = link.store.get(_name(key), milliseconds / 1000)

        if link.guarded(look) or len(found) > room:
            return -1
        ffi.memmove(value, found, len(found))
        return len(found)

    def _name(key: Any) -> str:
        return "gloo/" + str(ffi.string(key).decode())

    lib.c2_gloo_store(lib.c2_python_set, lib.c2_python_get)
    return ffi, lib


def said() -> str:
    """What failed last in this thread."""
    ffi, lib = gloo()
    return str(ffi.string(lib.c2_gloo_error()).decode())


class StoreLink:
    """A store as C++ reaches it, and the error that it raised there."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.error: C2Error | None = None

    def guarded(self, work: Any) -> bool:
        """Whether it failed."""
        try:
            work()
        except C2Error as error:
            self.error = error
            return True
        return False
