"""Write a file so that it is there whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


class AtomicFile:
    """A file that grows under a temporary name beside its target and takes the target's place at `publish`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.target = Path(os.path.realpath(path))  # a link stays a link
        self._temporary = self.target.with_name(f".{self.target.name}.{secrets.token_hex(6)}.tmp")
        self.file: BinaryIO = open(self._temporary, "xb")  # noqa: SIM115 (closed by close)
        self.published = False

    def publish(self) -> None:
        """Put what was written so far in the target's place; later writes go on into the same file."""
        self.sync()
        if self.published:
            return
        with suppress(OSError):  # keep the permissions of the file that was there
            os.chmod(self._temporary, os.stat(self.target).st_mode & 0o7777)
        os.replace(self._temporary, self.target)
        self.published = True
        _sync_folder(self.target.parent)

    def sync(self) -> None:
        """Wait until the disk has what was written."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def close(self) -> None:
        """Close; where nothing was published, nothing stays."""
        self.file.close()
        if not self.published:
            self._temporary.unlink(missing_ok=True)


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A binary file to write; it takes the place of `path` when the block ends without an exception."""
    out = AtomicFile(path)
    try:
        yield out.file
        out.publish()
    finally:
        out.close()


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # Windows cannot open a folder; the file itself is safe already
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
