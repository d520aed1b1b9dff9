"""protodb: a database that is one TensorProtos message; its keys are the names of the tensors."""

from __future__ import annotations

import os

from c2.errors import FormatError
from c2.proto import TensorProto, TensorProtos
from c2.serialize.database import Cursor, Database, Mode, Transaction
from c2.serialize.messages import load_message, message_bytes, parse_message, save_message


class ProtoDB(Database):
    """A protodb file, binary or text; all of it is in memory, and written when it is closed.

    After an exception in a `with` block nothing is written, committed or not.
    """

    def __init__(self, path: str | os.PathLike[str], mode: Mode) -> None:
        super().__init__(path, mode)
        self._protos = TensorProtos()
        if mode != "new" and os.path.getsize(self.path):  # no tensors are no bytes
            self._protos = load_message(self.path, TensorProtos)
        self._closed = False

    def cursor(self) -> ProtoDBCursor:
        self._need_read()
        return ProtoDBCursor(self._protos, self.path)

    def transaction(self) -> ProtoDBTransaction:
        self._need_write()
        return ProtoDBTransaction(self._protos, self.path)

    def close(self) -> None:
        if not self._closed and self.mode != "read":
            save_message(self._protos, self.path, text=False)
        self._closed = True

    def abandon(self) -> None:
        self._closed = True


class ProtoDBTransaction(Transaction):
    """Adds serialized TensorProtos."""

    def __init__(self, protos: TensorProtos, path: str) -> None:
        self._protos = protos
        self._path = path
        self._names = {tensor.name for tensor in protos.protos}

    def put(self, key: str, value: bytes) -> None:
        """Add a tensor.

        Raises:
            FormatError: the value is no TensorProto with the name `key`, or the key is there already.
        """
        tensor = parse_message(value, TensorProto, f"{self._path}: key '{key}'")
        if tensor.name != key:
            raise FormatError(
                f"{self._path}: key '{key}' must be the tensor's name, '{tensor.name}'"
            )
        if key in self._names:
            raise FormatError(f"{self._path}: key '{key}' is there already")
        self._names.add(key)
        self._protos.protos.append(tensor)

    def commit(self) -> None:
        """Nothing: the file is written when the database is closed, as in Caffe2."""


class ProtoDBCursor(Cursor):
    """Goes over the tensors in their order."""

    def __init__(self, protos: TensorProtos, path: str) -> None:
        self._protos = protos
        self._path = path
        self._index = 0

    def valid(self) -> bool:
        return self._index < len(self._protos.protos)

    def key(self) -> str:
        return self._here().name

    def value(self) -> bytes:
        return message_bytes(self._here())

    def next(self) -> None:
        self._index += 1

    def seek_to_first(self) -> None:
        self._index = 0

    def close(self) -> None:
        self._index = len(self._protos.protos)

    def _here(self) -> TensorProto:
        if not self.valid():
            raise FormatError(f"{self._path}: there is no entry behind the last one; check valid()")
        return self._protos.protos[self._index]
