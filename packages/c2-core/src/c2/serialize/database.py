"""Key-value files: what a database can do, and which types there are.

A database is read front to back by a cursor and written by transactions. Types of databases are
classes in a dict by name, so that a plugin adds one by adding an entry.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Literal

from c2.errors import FormatError, did_you_mean

Mode = Literal["read", "write", "new"]
MODES: tuple[Mode, ...] = ("read", "write", "new")


class Cursor(ABC):
    """A place in a database that is open for reading; it begins at the first entry."""

    @abstractmethod
    def valid(self) -> bool:
        """Whether there is an entry here; False behind the last one."""

    @abstractmethod
    def key(self) -> str:
        """The key of this entry. Bytes that are not UTF-8 come as surrogates (PEP 383)."""

    @abstractmethod
    def value(self) -> bytes:
        """The value of this entry."""

    @abstractmethod
    def next(self) -> None:
        """Go to the next entry."""

    @abstractmethod
    def seek_to_first(self) -> None:
        """Go back to the first entry."""

    def supports_seek(self) -> bool:
        """Whether `seek` works."""
        return False

    def seek(self, key: str) -> None:
        """Go to the entry `key`, or the first one after it."""
        raise FormatError(f"{type(self).__name__} cannot seek to '{key}': entries have no order")

    @abstractmethod
    def close(self) -> None:
        """Let go of the file; the cursor is of no use any more."""

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """The entries from here to the end."""
        while self.valid():
            yield self.key(), self.value()
            self.next()


class Transaction(ABC):
    """Entries that come into the database together."""

    @abstractmethod
    def put(self, key: str, value: bytes) -> None:
        """Add an entry."""

    @abstractmethod
    def commit(self) -> None:
        """Make what was put since the last commit part of the database."""


class Database(ABC):
    """A key-value file.

    Args:
        path: the file.
        mode: "read"; "write" to add to what is there; "new" to replace it.

    In a `with` block, it is closed at the end; after an exception, without what was not committed.
    """

    def __init__(self, path: str | os.PathLike[str], mode: Mode) -> None:
        if mode not in MODES:
            raise FormatError(f"mode of a database must be one of {', '.join(MODES)}, got {mode!r}")
        self.path = os.fspath(path)
        self.mode = mode

    @abstractmethod
    def cursor(self) -> Cursor:
        """A new cursor at the first entry; needs mode "read"."""

    @abstractmethod
    def transaction(self) -> Transaction:
        """A new transaction; needs mode "write" or "new"."""

    @abstractmethod
    def close(self) -> None:
        """Commit what was put, and let go of the file."""

    def abandon(self) -> None:
        """Let go of the file, without what was put and not committed."""
        self.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abandon()

    def _need_read(self) -> None:
        if self.mode != "read":
            raise FormatError(
                f"{self.path}: a cursor needs a database open to read, not {self.mode}"
            )

    def _need_write(self) -> None:
        if self.mode == "read":
            raise FormatError(f"{self.path}: a transaction needs mode write or new, not read")


def built_in_types() -> dict[str, type[Database]]:
    """The databases c2-core has, by name."""
    from c2.serialize.minidb import MiniDB
    from c2.serialize.protodb import ProtoDB

    return {"minidb": MiniDB, "protodb": ProtoDB}


def open_db(
    db_type: str,
    path: str | os.PathLike[str],
    mode: Mode = "read",
    types: Mapping[str, type[Database]] | None = None,
) -> Database:
    """Open a database.

    Args:
        db_type: "minidb", "protodb", or one of `types`.
        path: the file.
        mode: "read"; "write" to add to what is there; "new" to replace it.
        types: further types by name.

    Raises:
        FormatError: unknown type or mode.
        FileNotFoundError: nothing to read.
    """
    known = {**built_in_types(), **(types or {})}
    found = known.get(db_type)
    if found is None:
        near = did_you_mean(db_type, known)
        raise FormatError(
            f"no database type '{db_type}'; have {', '.join(sorted(known))}.{near} "
            "A plugin may bring more"
        )
    return found(path, mode)


def encode_key(key: str) -> bytes:
    return key.encode("utf-8", "surrogateescape")


def decode_key(key: bytes) -> str:
    return key.decode("utf-8", "surrogateescape")
