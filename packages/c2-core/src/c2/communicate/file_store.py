"""A store in a folder that all processes see: one file per key."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from c2.communicate.store import Store
from c2.errors import StoreError


class FileStore(Store):
    """A folder, made where it is missing. On several machines it must be on a file system that they share.

    A value is written beside its place and then renamed, so nobody reads half of one.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self}: the folder cannot be made: {error}") from error

    def __str__(self) -> str:
        return f"file store {self.folder}"

    def set(self, key: str, value: bytes) -> None:
        with self._faults(key):
            handle, name = tempfile.mkstemp(prefix=".", dir=self.folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(value)
                os.replace(name, self._path(key))
            except BaseException:
                os.unlink(name)
                raise

    def find(self, key: str) -> bytes | None:
        with self._faults(key):
            try:
                return self._path(key).read_bytes()
            except FileNotFoundError:
                return None

    def add(self, key: str, amount: int) -> int:
        with self._faults(key), self._locked():
            total = int(self.find(key) or 0) + amount
            self.set(key, str(total).encode())
            return total

    def _path(self, key: str) -> Path:
        return self.folder / f"_{quote(key, safe='')}"

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            import fcntl
        except ImportError:
            raise StoreError(f"{self}: this system cannot lock files; use a TCP store") from None
        with open(self.folder / ".lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def _faults(self, key: str) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            raise StoreError(f"{self}: key '{key}': {error}") from error
