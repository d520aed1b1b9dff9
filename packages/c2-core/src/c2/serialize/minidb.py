"""minidb: Caffe2's simplest database, entries one after another.

An entry is two little-endian int32, the lengths of key and value, then key and value. There is no
header and no index; both lengths are above 0.
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from c2.errors import FormatError
from c2.serialize.atomic import AtomicFile, sync
from c2.serialize.budget import check_budget
from c2.serialize.database import Cursor, Database, Mode, Transaction, decode_key, encode_key

_LENGTHS = struct.Struct("<ii")
_MAX_LENGTH = (1 << 31) - 1  # of an int32


class MiniDB(Database):
    """A minidb file.

    In mode "new" it takes its place at the first commit; until then the old file stays. A crash while
    a later commit is written, or one in mode "write", can leave half an entry at the end, which a
    reader reports.
    """

    def __init__(self, path: str | os.PathLike[str], mode: Mode) -> None:
        self._new: AtomicFile | None = None
        self._out: BinaryIO | None = None
        self._committed = 0  # bytes
        super().__init__(path, mode)
        if mode == "read":
            _check_exists(self.path)
        elif mode == "new":
            self._new = AtomicFile(self.path)
        else:
            self._open_to_append()

    def cursor(self) -> MiniDBCursor:
        self._need_read()
        return MiniDBCursor(self.path)

    def transaction(self) -> MiniDBTransaction:
        self._need_write()
        return MiniDBTransaction(self)

    def close(self) -> None:
        if self._new is not None or self._out is not None:
            self.commit()
        if self._out is not None:
            sync(self._out)
            self._out.close()
            self._out = None

    def abandon(self) -> None:
        if self._new is not None:
            self._new.discard()
            self._new = None
        if self._out is not None:
            self._out.truncate(self._committed)
            self._out.close()
            self._out = None

    def __del__(self) -> None:  # not closed: nothing half done stays
        self.abandon()

    def write(self, data: bytes) -> None:
        """Write bytes behind what is there; they stay when they are committed."""
        self._file().write(data)

    def commit(self) -> None:
        if self._new is not None:
            self._new.publish()
            self._new = None
            self._open_to_append()
            return
        out = self._file()
        out.flush()
        self._committed = out.tell()

    def _file(self) -> BinaryIO:
        file = self._new.file if self._new is not None else self._out
        if file is None:
            raise FormatError(f"{self.path}: the database is closed")
        return file

    def _open_to_append(self) -> None:
        self._out = open(self.path, "ab")  # noqa: SIM115
        self._committed = self._out.seek(0, os.SEEK_END)


class MiniDBTransaction(Transaction):
    """Writes entries behind the last one."""

    def __init__(self, db: MiniDB) -> None:
        self._db = db

    def put(self, key: str, value: bytes) -> None:
        raw = encode_key(key)
        for what, data in (("key", raw), ("value", value)):
            if not 0 < len(data) <= _MAX_LENGTH:
                raise FormatError(
                    f"{self._db.path}: a minidb {what} must have 1 byte to 2 GiB, got {len(data)} "
                    f"(key '{key[:80]}')"
                )
        self._db.write(b"".join([_LENGTHS.pack(len(raw), len(value)), raw, value]))

    def commit(self) -> None:
        self._db.commit()


class MiniDBCursor(Cursor):
    """Reads the entries in the order in which they were written."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = open(path, "rb")  # noqa: SIM115
        self._size = os.fstat(self._file.fileno()).st_size
        self._next_offset = 0
        self._entry: tuple[str, bytes] | None = None
        try:
            self.next()
        except BaseException:
            self._file.close()
            raise

    def valid(self) -> bool:
        return self._entry is not None

    def key(self) -> str:
        return self._here()[0]

    def value(self) -> bytes:
        return self._here()[1]

    def next(self) -> None:
        """Go to the next entry.

        Raises:
            FormatError: the file is damaged here; says at which byte.
            MemoryBudgetError: the entry is larger than the memory budget.
        """
        offset = self._next_offset
        if offset == self._size:
            self._entry = None
            return
        left = self._size - offset - _LENGTHS.size
        if left < 0:
            raise self._damaged(offset, f"{self._size - offset} bytes, too few for an entry")
        self._file.seek(offset)
        key_length, value_length = _LENGTHS.unpack(self._file.read(_LENGTHS.size))
        if key_length <= 0 or value_length <= 0 or key_length + value_length > left:
            raise self._damaged(
                offset,
                f"an entry with a key of {key_length} bytes and a value of {value_length}, "
                f"where {max(left, 0)} are left",
            )
        check_budget(key_length + value_length, f"{self._path}: the entry at byte {offset}")
        raw, value = self._file.read(key_length), self._file.read(value_length)
        if len(raw) + len(value) != key_length + value_length:
            raise self._damaged(offset, "an entry that became shorter while it was read")
        self._entry = decode_key(raw), value
        self._next_offset = offset + _LENGTHS.size + key_length + value_length

    def seek_to_first(self) -> None:
        self._next_offset = 0
        self.next()

    def close(self) -> None:
        self._file.close()

    def __del__(self) -> None:  # a cursor is often made, read to its end and forgotten
        if hasattr(self, "_file"):
            self._file.close()

    def _here(self) -> tuple[str, bytes]:
        if self._entry is None:
            raise FormatError(f"{self._path}: there is no entry behind the last one; check valid()")
        return self._entry

    def _damaged(self, offset: int, found: str) -> FormatError:
        return FormatError(
            f"{self._path}: expected a minidb entry at byte {offset}, got {found}; the file is cut "
            "off, damaged or of another kind"
        )


def _check_exists(path: str) -> None:
    if os.path.isdir(path):
        raise FormatError(
            f"{path}: expected a minidb file, got a folder (lmdb and leveldb are such)"
        )
    os.stat(path)  # raises FileNotFoundError
