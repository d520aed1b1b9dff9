"""Remembers a plugin that took the process down while it was loaded: the next start leaves it out.

Before a plugin is loaded a line is written to a small file of its own, and it is wiped afterwards. A
file that still holds a line, and that no living process has locked, was left by a process that died
in between.
"""

from __future__ import annotations

import os
import re
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: without locks, a living process cannot be told from a dead one
    fcntl = None  # type: ignore[assignment]


class Quarantined(Exception):
    """The last process that loaded this plugin died of it."""


def folder() -> Path:
    """Where the files are: `$C2_CACHE/plugins`, else `c2/plugins` in the user's cache folder."""
    base = os.environ.get("C2_CACHE")
    if base:
        return Path(base, "plugins")
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(caches, "c2", "plugins")


@contextmanager
def loading(name: str, distribution: str, version: str) -> Iterator[None]:
    """Marks the plugin as being loaded. Where the folder cannot be written there is no protection.

    Raises:
        Quarantined: a process died here before. Another version or environment starts afresh.
    """
    handle = _lock(_path(name, distribution, version))
    if handle is None:
        yield
        return
    try:
        _refuse_where_left(handle, name)
        _write(handle, f"process {os.getpid()}, {time.strftime('%Y-%m-%d %H:%M:%S')}\n")
        try:
            yield
        finally:
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def lift(name: str) -> int:
    """Forgets what is known of a plugin or a distribution; returns how many entries there were."""
    lifted = 0
    for path in folder().glob("*.loading"):
        if _safe(name) in path.name.split("@")[:2]:
            lifted += path.stat().st_size > 0
            path.unlink()
    return lifted


def _refuse_where_left(handle: int, name: str) -> None:
    left = os.read(handle, 200).decode("utf-8", "replace").strip()
    if left:
        raise Quarantined(
            f"the process that loaded it last ({left}) ended before it was done: a crash, an exit or a "
            f"kill. It is left out until it is upgraded, or until: c2 plugins --retry {name}"
        )


def _path(name: str, distribution: str, version: str) -> Path:
    environment = zlib.crc32(f"{sys.prefix} {sys.implementation.cache_tag}".encode())
    return folder() / (
        "@".join(map(_safe, (name, distribution, version, f"{environment:08x}"))) + ".loading"
    )


def _safe(text: str) -> str:
    return re.sub(r"[^\w.+-]", "_", text)


def _lock(path: Path) -> int | None:
    """An open file that this process alone has locked; None where it cannot be had."""
    if fcntl is None:
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except (OSError, RuntimeError):
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _write(handle: int, text: str) -> None:
    with suppress(OSError):  # a full disk: go on without protection
        os.pwrite(handle, text.encode(), 0)
