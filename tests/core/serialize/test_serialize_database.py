from __future__ import annotations

import os
import struct

import numpy as np
import pytest

from c2.errors import FormatError, MemoryBudgetError
from c2.proto import TensorProto, TensorProtos
from c2.serialize.database import MODES, Cursor, Database, Transaction, open_db
from c2.serialize.tensors import tensor_to_proto

ENTRIES = [("a", b"1"), ("b" * 300, b"\0" * 1000), ("a", b"again"), ("é", b"\xff")]


def write(path, entries, db_type="minidb", mode="new"):
    with open_db(db_type, path, mode) as db:
        transaction = db.transaction()
        for key, value in entries:
            transaction.put(key, value)
        transaction.commit()


def read(path, db_type="minidb"):
    with open_db(db_type, path) as db:
        return list(db.cursor())


def tensor(name, value=1.0):
    return name, tensor_to_proto(np.array([value]), name).SerializeToString()


def test_minidb_bytes(tmp_path):
    write(tmp_path / "db", [("key", b"value"), ("k", b"v")])
    assert (tmp_path / "db").read_bytes() == b"\3\0\0\0\5\0\0\0keyvalue\1\0\0\0\1\0\0\0kv"


def test_minidb_gives_back_what_was_put(tmp_path):
    write(tmp_path / "db", ENTRIES)
    assert read(tmp_path / "db") == ENTRIES
    write(tmp_path / "db", ENTRIES[:1], mode="write")
    assert read(tmp_path / "db") == ENTRIES + ENTRIES[:1]
    write(tmp_path / "db", ENTRIES[:1])
    assert read(tmp_path / "db") == ENTRIES[:1]


def test_minidb_keys_need_not_be_text(tmp_path):
    (tmp_path / "db").write_bytes(struct.pack("<ii", 2, 1) + b"\xff\0v")
    ((key, value),) = read(tmp_path / "db")
    assert value == b"v"
    write(tmp_path / "copy", [(key, value)])
    assert (tmp_path / "copy").read_bytes() == (tmp_path / "db").read_bytes()


@pytest.mark.parametrize("db_type", ["minidb", "protodb"])
def test_cursor(tmp_path, db_type):
    entries = [tensor("a"), tensor("b")]
    write(tmp_path / "db", entries, db_type)
    with open_db(db_type, tmp_path / "db") as db:
        cursor = db.cursor()
        assert (cursor.key(), cursor.value()) == entries[0]
        cursor.next()
        assert cursor.valid()
        assert cursor.key() == "b"
        other = db.cursor()
        assert other.key() == "a"
        cursor.next()
        assert not cursor.valid()
        with pytest.raises(FormatError, match=r"no entry behind the last one; check valid\(\)"):
            cursor.value()
        cursor.seek_to_first()
        assert list(cursor) == entries
        assert not cursor.supports_seek()
        with pytest.raises(FormatError, match="cannot seek to 'b'"):
            cursor.seek("b")
        cursor.close()


@pytest.mark.parametrize("db_type", ["minidb", "protodb"])
def test_empty_database(tmp_path, db_type):
    write(tmp_path / "db", [], db_type)
    assert (tmp_path / "db").read_bytes() == b""
    assert read(tmp_path / "db", db_type) == []
    write(tmp_path / "db", [tensor("a")], db_type, "write")
    assert read(tmp_path / "db", db_type) == [tensor("a")]


@pytest.mark.parametrize("db_type", ["minidb", "protodb"])
def test_new_database_replaces_the_old_one_whole_or_not_at_all(tmp_path, db_type):
    path = tmp_path / "db"
    write(path, [tensor("old")], db_type)

    def fail():
        with open_db(db_type, path, "new") as db:
            transaction = db.transaction()
            transaction.put(*tensor("new"))
            assert read(path, db_type) == [tensor("old")]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert read(path, db_type) == [tensor("old")]
    assert os.listdir(tmp_path) == ["db"]


def test_minidb_keeps_what_was_committed(tmp_path):
    path = tmp_path / "db"
    write(path, ENTRIES[:1])

    def fail(mode):
        with open_db("minidb", path, mode) as db:
            transaction = db.transaction()
            transaction.put("b", b"committed")
            transaction.commit()
            assert read(path)[-1] == ("b", b"committed")
            transaction.put("c", b"not committed")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail("write")
    assert read(path) == [ENTRIES[0], ("b", b"committed")]
    with pytest.raises(RuntimeError):
        fail("new")
    assert read(path) == [("b", b"committed")]


def test_minidb_close_commits(tmp_path):
    db = open_db("minidb", tmp_path / "db", "new")
    db.transaction().put("a", b"1")
    db.close()
    db.close()
    assert read(tmp_path / "db") == [("a", b"1")]
    with pytest.raises(FormatError, match="the database is closed"):
        db.transaction().put("b", b"2")


def test_minidb_that_is_forgotten_leaves_nothing(tmp_path):
    db = open_db("minidb", tmp_path / "db", "new")
    db.transaction().put("a", b"1")
    del db
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("key", "value", "what"), [("", b"v", "key"), ("k", b"", "value")])
def test_minidb_has_no_empty_keys_and_values(tmp_path, key, value, what):
    with pytest.raises(FormatError, match=f"a minidb {what} must have 1 byte to 2 GiB, got 0"):
        write(tmp_path / "db", [(key, value)])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("cut", [1, 7, 8, 9, 12, 17])
def test_minidb_cut_off(tmp_path, cut):
    data = b"\3\0\0\0\5\0\0\0keyvalue"
    (tmp_path / "db").write_bytes(data + data[:-cut] if cut < len(data) else data + data[:1])
    with open_db("minidb", tmp_path / "db") as db:
        cursor = db.cursor()
        assert cursor.key() == "key"
        with pytest.raises(
            FormatError, match=r"db: expected a minidb entry at byte 16, got .*cut off"
        ):
            cursor.next()


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ((0, 5), "an entry with a key of 0 bytes and a value of 5, where 8 are left"),
        ((3, -1), "a value of -1"),
        ((3, 6), "a key of 3 bytes and a value of 6, where 8 are left"),
        ((2**31 - 1, 2**31 - 1), "a key of 2147483647 bytes"),
    ],
)
def test_minidb_damaged_lengths(tmp_path, header, text):
    (tmp_path / "db").write_bytes(struct.pack("<ii", *header) + b"keyvalue")
    with pytest.raises(FormatError, match=r"expected a minidb entry at byte 0, got .*" + text):
        read(tmp_path / "db")


def test_minidb_entry_larger_than_the_budget(tmp_path, monkeypatch):
    write(tmp_path / "db", [("key", b"v" * 1000)])
    monkeypatch.setenv("C2_MEMORY_BUDGET", "1002")
    with pytest.raises(MemoryBudgetError, match=r"db: the entry at byte 0 needs 1.0 kB"):
        read(tmp_path / "db")


def test_protodb_is_one_message(tmp_path):
    write(tmp_path / "db", [tensor("a"), tensor("b")], "protodb")
    protos = TensorProtos.FromString((tmp_path / "db").read_bytes())
    assert [p.name for p in protos.protos] == ["a", "b"]
    write(tmp_path / "db", [tensor("c")], "protodb", "write")
    assert [key for key, _ in read(tmp_path / "db", "protodb")] == ["a", "b", "c"]


def test_protodb_refuses(tmp_path):
    with pytest.raises(FormatError, match="key 'b' must be the tensor's name, 'a'"):
        write(tmp_path / "db", [("b", tensor("a")[1])], "protodb")
    with pytest.raises(FormatError, match="key 'a' is there already"):
        write(tmp_path / "db", [tensor("a"), tensor("a")], "protodb")
    with pytest.raises(FormatError, match="key 'a': expected the message TensorProto"):
        write(tmp_path / "db", [("a", b"\xff")], "protodb")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("db_type", ["minidb", "protodb"])
def test_modes(tmp_path, db_type):
    with pytest.raises(FileNotFoundError):
        open_db(db_type, tmp_path / "no")
    write(tmp_path / "db", [tensor("a")], db_type)
    with (
        open_db(db_type, tmp_path / "db") as db,
        pytest.raises(FormatError, match="mode write or new, not read"),
    ):
        db.transaction()
    with (
        open_db(db_type, tmp_path / "db", "write") as db,
        pytest.raises(FormatError, match="open to read, not write"),
    ):
        db.cursor()
    with pytest.raises(FormatError, match="must be one of read, write, new, got 'r'"):
        open_db(db_type, tmp_path / "db", "r")
    assert MODES == ("read", "write", "new")


def test_unknown_type():
    with pytest.raises(
        FormatError, match=r"no database type 'mini'; have minidb, protodb. Did you mean 'minidb'"
    ):
        open_db("mini", "db")


def test_minidb_is_no_folder(tmp_path):
    with pytest.raises(
        FormatError, match=r"expected a minidb file, got a folder \(lmdb and leveldb are such\)"
    ):
        open_db("minidb", tmp_path)


class ListCursor(Cursor):
    def __init__(self, entries):
        self.entries, self.index = entries, 0

    def valid(self):
        return self.index < len(self.entries)

    def key(self):
        return self.entries[self.index][0]

    def value(self):
        return self.entries[self.index][1]

    def next(self):
        self.index += 1

    def seek_to_first(self):
        self.index = 0

    def close(self):
        self.entries = []


class ListDB(Database):
    """What a plugin brings: a class and a name."""

    def cursor(self):
        return ListCursor([("a", b"1")])

    def transaction(self):
        class Nowhere(Transaction):
            def put(self, key, value):
                pass

            def commit(self):
                pass

        return Nowhere()

    def close(self):
        pass


def test_further_types():
    with open_db("list", "anywhere", types={"list": ListDB}) as db:
        assert list(db.cursor()) == [("a", b"1")]


def test_tensor_protos_as_values(tmp_path):
    """What TensorProtosDBInput reads: a value is a TensorProtos with image and label."""
    image = np.random.default_rng(0).integers(0, 256, (1, 28, 28)).astype(np.uint8)
    protos = TensorProtos(protos=[tensor_to_proto(image), tensor_to_proto(np.array([7], np.int32))])
    write(tmp_path / "db", [("00000000", protos.SerializeToString())])
    ((_, value),) = read(tmp_path / "db")
    assert TensorProtos.FromString(value).protos[1] == TensorProto(
        dims=[1], data_type=2, int32_data=[7]
    )
