"""Save and Checkpoint: blobs into a database."""

from __future__ import annotations

from typing import Any

import numpy as np

from c2.errors import SchemaError
from c2.ops.files.databases import (
    ABSOLUTE_PATH,
    DB_TYPE,
    open_database,
    without_prefix,
    write_blobs,
)
from c2.registry import REQUIRED, Arg, NoGradient, OpSchema, Tensor, kernel
from c2.serialize.blobs import CHUNK_SIZE

SAVE = OpSchema(
    "Save",
    doc="""Writes the inputs into a new database at `db`, tensors in chunks; what stood there is replaced at the end.

    The name of a blob in the file is its name in the net without `strip_prefix` and all before it, or the one in
    `blob_name_overrides`. Nothing is left half written.
    """,
    inputs=[Tensor("X", "anything that can be stored", variadic=True, blob=True)],
    args=[
        Arg("db", str, REQUIRED, doc="path of the file"),
        DB_TYPE,
        ABSOLUTE_PATH,
        Arg("strip_prefix", str, "", doc="taken from the front of the names"),
        Arg("blob_name_overrides", "strings", (), doc="names in the file, one per input"),
        Arg(
            "chunk_size",
            int,
            CHUNK_SIZE,
            doc="elements per chunk; 0 is the default, below 0 is one chunk",
        ),
    ],
    gradient=NoGradient.FORBIDDEN,
    allow="files",
    check=lambda n_inputs, n_outputs, args: _wrong_names(n_inputs, args),
)

CHECKPOINT = OpSchema(
    "Checkpoint",
    doc="""Saves all inputs, the iteration counter among them, when the counter is a multiple of `every`.

    `db` is a pattern for the path, with the iteration in the place of %d or %09d.
    """,
    inputs=[
        Tensor("iter", "the iteration counter, int64 (1,)"),
        Tensor("X", "anything that can be stored", variadic=True, minimum=0, blob=True),
    ],
    args=[
        Arg("db", str, REQUIRED, doc="pattern of the path, such as model_%09d.db"),
        DB_TYPE,
        ABSOLUTE_PATH,
        Arg("every", int, 1, doc="iterations between two files", minimum=1),
    ],
    gradient=NoGradient.FORBIDDEN,
    allow="files",
)


@kernel(SAVE)
def save(
    xp, *X, db, db_type, absolute_path, strip_prefix, blob_name_overrides, chunk_size, context
):
    names = [n.decode() for n in blob_name_overrides] or [
        without_prefix(n, strip_prefix) for n in context.op.inputs
    ]
    if len(set(names)) < len(names):
        raise SchemaError(
            f"{context.op.where}: two blobs would get the same name in the file: {sorted(names)}"
        )
    _write(context, X, names, db, db_type, absolute_path, chunk_size)


@kernel(CHECKPOINT)
def checkpoint(xp, iter, *X, db, db_type, absolute_path, every, context):
    iteration = int(np.asarray(iter).reshape(-1)[0])
    if iteration % every:
        return
    try:
        path = db % iteration if "%" in db else db
    except (TypeError, ValueError) as error:
        raise SchemaError(
            f"{context.op.where}: db='{db}' must take one number, as in model_%09d.db: {error}"
        ) from None
    _write(context, (iter, *X), context.op.inputs, path, db_type, absolute_path, CHUNK_SIZE)


def _write(
    context: Any,
    values: Any,
    names: Any,
    path: str,
    db_type: str,
    absolute_path: int,
    chunk_size: int,
) -> None:
    blobs = []
    for value, blob, name in zip(values, context.op.inputs, names):
        on_device = hasattr(value, "dtype") and not isinstance(value, np.ndarray)
        blobs.append((name, context.workspace.fetch(blob) if on_device else value))
    write_blobs(open_database(context, path, db_type, "new", absolute_path), blobs, chunk_size)


def _wrong_names(n_inputs: int, args: dict[str, Any]) -> str | None:
    given = args["blob_name_overrides"]
    if given and args["strip_prefix"]:
        return "blob_name_overrides and strip_prefix exclude each other"
    if given and len(given) != n_inputs:
        return f"blob_name_overrides must name every input\n  expected {n_inputs} names, got {len(given)}"
    return None
