"""The cache of measured times: one small JSON file for each setting (processor and versions).

    {"format": 1, "setting": {"processor": "...", "c2-mkl": "0.1.0", ...},
     "entries": {"<digest of the key>": {"key": {...}, "result": {...}}}}

A key says in words what was timed: operator, arguments, specs, what is fused, threads, precision. The result is what
`c2.compile.tuning.tuner` found: seconds of every candidate, of a reorder, or of a whole net. Several processes may use
the folder: a file is read again and replaced as a whole when it is written.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from c2.errors import TuningError
from c2.serialize.atomic import atomic_write

FORMAT = 1
VARIABLE = "C2_TUNE_CACHE"


def folder() -> Path | None:
    """`$C2_TUNE_CACHE` ("0": no files), else `$C2_CACHE/tuning`, else `c2/tuning` in the user's cache folder."""
    given = os.environ.get(VARIABLE)
    if given:
        return None if given == "0" else Path(given)
    base = os.environ.get("C2_CACHE")
    if base:
        return Path(base, "tuning")
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(caches, "c2", "tuning")


def clear() -> list[Path]:
    """Deletes the files of all settings and forgets what this process knows; returns what was deleted.

    Raises:
        TuningError: a file cannot be deleted.
    """
    with _lock:
        _open.clear()
    place = folder()
    found = sorted(place.glob("*.json")) if place else []
    for path in found:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise TuningError(f"{path} cannot be deleted: {error.strerror}") from error
    return found


class TuningCache:
    """Results by key for one setting, in memory and, where there is a folder, in a file."""

    def __init__(self, setting: Mapping[str, str], place: Path | None) -> None:
        self.setting = dict(setting)
        self.path = place / f"{_digest(self.setting)}.json" if place else None
        self._entries = self._read()
        self._changed = False
        self._writing = threading.Lock()

    def get(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        entry = self._entries.get(_digest(key))
        return None if entry is None else entry["result"]

    def put(self, key: Mapping[str, Any], result: dict[str, Any]) -> None:
        with self._writing:
            self._entries[_digest(key)] = {"key": dict(key), "result": result}
            self._changed = True

    def save(self) -> None:
        """Writes what is new. Where that cannot be done, this process alone knows it."""
        with self._writing:
            if self.path is None or not self._changed:
                return
            self._entries = {**self._read(), **self._entries}
            content = {"format": FORMAT, "setting": self.setting, "entries": self._entries}
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with atomic_write(self.path) as file:
                    file.write(json.dumps(content, indent=1, sort_keys=True).encode())
                self._changed = False
            except OSError as error:
                _warn(f"{self.path} cannot be written ({error.strerror}); measured again next time")

    def _read(self) -> dict[str, dict[str, Any]]:
        if self.path is None:
            return {}
        try:
            content = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            _warn(f"{self.path} cannot be read and is ignored: {error}")
            return {}
        if not self._is_ours(content):
            _warn(f"{self.path} is no cache of this setting (format {FORMAT}) and is ignored")
            return {}
        return dict(content["entries"])

    def _is_ours(self, content: Any) -> bool:
        return (
            isinstance(content, dict)
            and content.get("format") == FORMAT
            and content.get("setting") == self.setting
            and isinstance(content.get("entries"), dict)
            and all(
                isinstance(e, dict) and isinstance(e.get("result"), dict)
                for e in content["entries"].values()
            )
        )


_open: dict[tuple[str, Path | None], TuningCache] = {}
_lock = threading.Lock()


def cache_for(setting: Mapping[str, str]) -> TuningCache:
    """The cache of a setting; one per process, so that what has been timed here is not timed again."""
    place = folder()
    with _lock:
        return _open.setdefault((_digest(setting), place), TuningCache(setting, place))


def _digest(key: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]


def _warn(message: str) -> None:
    logging.getLogger("c2.tuning").warning("tuning cache %s", message)
