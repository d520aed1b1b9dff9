"""Where these operators find their files: paths under the root folder, types of databases with those of plugins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from c2.errors import FormatError
from c2.registry import Arg
from c2.serialize.blobs import BlobAssembler, serialize_blob, split_key
from c2.serialize.database import Database, Mode, open_db

ABSOLUTE_PATH = Arg(
    "absolute_path", int, 0, doc="1: `db` is taken as it is, not under the workspace's root folder"
)
DB_TYPE = Arg(
    "db_type", str, "minidb", doc="type of the database: minidb, protodb, or what a plugin brings"
)


def open_database(
    context: Any, path: str, db_type: str, mode: Mode, absolute_path: int
) -> Database:
    """The database at a path as the operators read it."""
    from c2.plugins import provided

    found = provided("databases", context.registry)
    types = {name: one.load() for name, one in found.items()}
    place = Path(path) if absolute_path else Path(context.workspace.root_folder) / path
    return open_db(db_type, place, mode, types)


def write_blobs(database: Database, blobs: Iterable[tuple[str, Any]], chunk_size: int) -> None:
    """Stores blobs under their names, all or none."""
    with database:
        transaction = database.transaction()
        for name, value in blobs:
            for key, content in serialize_blob(name, value, chunk_size):
                transaction.put(key, content)
        transaction.commit()


def read_blobs(databases: Iterable[Database], wanted: Any) -> Iterator[tuple[str, str, Any]]:
    """(name, file, value) of every blob whose name `wanted(name)` accepts. A name in two files is an error."""
    found: dict[str, str] = {}
    for database in databases:
        assembler = BlobAssembler(source=database.path)
        with database:
            for key, content in database.cursor():
                if wanted(split_key(key)[0]):
                    assembler.add(key, content)
        for name, value in assembler.finish().items():
            if name in found:
                raise FormatError(
                    f"blob '{name}' is in {found[name]} and again in {database.path}; load one of them"
                )
            found[name] = database.path
            yield name, database.path, value


def without_prefix(name: str, prefix: str) -> str:
    """The name after the first occurrence of the prefix, or all of it."""
    return name.partition(prefix)[2] if prefix and prefix in name else name
