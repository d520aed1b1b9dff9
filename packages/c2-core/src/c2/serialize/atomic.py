"""Write a file so that it is there whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


class AtomicFile:
    """A file that grows under a temporary name beside its target, and takes its place at `publish`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.target = Path(os.path.realpath(path))  # a link stays a link
        if not self.target.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, "no such folder", str(self.target.parent))
        self._temporary = self.target.with_name(f".{self.target.name}.{os.urandom(6).hex()}.tmp")
        self.file: BinaryIO = open(self._temporary, "xb")  # noqa: SIM115

    def publish(self) -> None:
        """Close the file and put it in the target's place."""
        sync(self.file)
        self.file.close()  # Windows renames closed files only
        with suppress(OSError):  # keep the permissions of the file that was there
            os.chmod(self._temporary, os.stat(self.target).st_mode & 0o7777)
        os.replace(self._temporary, self.target)
        _sync_folder(self.target.parent)

    def discard(self) -> None:
        """Close the file and leave nothing of it."""
        self.file.close()
        self._temporary.unlink(missing_ok=True)


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A binary file to write; it takes the place of `path` when the block ends without an exception."""
    out = AtomicFile(path)
    try:
        yield out.file
        out.publish()
    except BaseException:
        out.discard()
        raise


def sync(file: BinaryIO) -> None:
    """Wait until the disk has what was written."""
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # Windows cannot open a folder
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
