"""Load: blobs from databases."""

from __future__ import annotations

from typing import Any

from c2.errors import FormatError, did_you_mean
from c2.ops.files.databases import ABSOLUTE_PATH, DB_TYPE, open_database, read_blobs, without_prefix
from c2.registry import Arg, NoGradient, OpSchema, Tensor, kernel

LOAD = OpSchema(
    "Load",
    doc="""Reads blobs from the database `db`, or from several `dbs`, into the outputs, or all of them with load_all=1.

    A blob's name in the workspace is `add_prefix` and its name in the file without `strip_prefix` and all before it.
    Outputs are found by their names, or by `source_blob_names`. A blob that is missing is an error, unless
    allow_incomplete=1; one that is in two files always is.

    Differs from Caffe2: databases are named by `db` and `dbs` alone, not handed in as reader blobs, and every tensor
    comes to the CPU whatever `keep_device` says.
    """,
    outputs=[Tensor("Y", "what was stored", variadic=True, minimum=0, blob=True)],
    args=[
        Arg("db", str, "", doc="path of the file"),
        Arg("dbs", "strings", (), doc="paths of several files"),
        DB_TYPE,
        ABSOLUTE_PATH,
        Arg("add_prefix", str, "", doc="put before the names"),
        Arg("strip_prefix", str, "", doc="taken from the front of the names in the file"),
        Arg("source_blob_names", "strings", (), doc="names in the file, one per output"),
        Arg("keep_device", int, 0, doc="accepted; tensors come to the CPU"),
        Arg("load_all", int, 0, doc="1: every blob of the file, under its name"),
        Arg("allow_incomplete", int, 0, doc="1: outputs that the file lacks are left as they are"),
    ],
    gradient=NoGradient.STOPS,
    allow="files",
    check=lambda n_inputs, n_outputs, args: _wrong_use(n_outputs, args),
)


@kernel(LOAD)
def load(
    xp, *, db, dbs, db_type, absolute_path, add_prefix, strip_prefix, source_blob_names, keep_device, load_all,
    allow_incomplete, context,
):  # fmt: skip
    paths = [db] if db else [p.decode() for p in dbs]
    files = (open_database(context, p, db_type, "read", absolute_path) for p in paths)
    if load_all:
        for name, _, value in read_blobs(files, lambda name: True):
            _store(context.workspace, add_prefix + without_prefix(name, strip_prefix), value)
        return None
    outputs = context.op.outputs
    wanted = (
        dict(zip((n.decode() for n in source_blob_names), outputs)) if source_blob_names else None
    )
    seen: dict[str, None] = {}

    def target(name: str) -> str | None:
        seen[name] = None
        if wanted is not None:
            return wanted.get(name)
        renamed = add_prefix + without_prefix(name, strip_prefix)
        return renamed if renamed in outputs else None

    found = {target(n): v for n, _, v in read_blobs(files, lambda n: target(n) is not None)}
    missing = [n for n in outputs if n not in found]
    if missing and not allow_incomplete:
        near = did_you_mean(missing[0], seen)
        raise FormatError(
            f"{context.op.where}: expected to load {len(outputs)} blobs from {', '.join(paths)}, "
            f"got {len(found)} only; missing are {', '.join(map(repr, missing))}.{near}"
        )
    return tuple(found[n] if n in found else context.workspace.blob(n).value for n in outputs)


def _store(workspace: Any, name: str, value: Any) -> None:
    blob = workspace.blob(name)
    blob.value, blob.device = value, "CPU"


def _wrong_use(n_outputs: int, args: dict[str, Any]) -> str | None:
    if bool(args["db"]) == bool(args["dbs"]):
        return "name the files by one of db and dbs"
    if args["load_all"] and n_outputs:
        return f"load_all=1 names its blobs after those in the file\n  expected no outputs, got {n_outputs}"
    names = args["source_blob_names"]
    if names and len(names) != n_outputs:
        return f"source_blob_names must name every output\n  expected {n_outputs} names, got {len(names)}"
    return None
