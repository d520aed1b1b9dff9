"""Stores where the processes of a job meet: making one, and blobs in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from c2.communicate.store import PrefixStore, Store
from c2.registry import REQUIRED, Arg, NoGradient, OpSchema, Tensor, kernel, require
from c2.serialize.blobs import BlobAssembler, serialize_blob

HANDLER = Tensor("handler", "a store: what FileStoreHandlerCreate makes", blob=True)
BLOB_NAME = Arg("blob_name", str, "", doc="the key; the name of the blob where there is none")
PREFIX = Arg("prefix", str, "", doc="of all keys; use one per run")

FILE_STORE_HANDLER_CREATE = OpSchema(
    "FileStoreHandlerCreate",
    doc="""A store in a folder that all processes see. What an earlier run left there is found again: give each run a
    `prefix` of its own.""",
    outputs=[Tensor("handler", "the store", blob=True)],
    args=[Arg("path", str, REQUIRED, doc="the folder; made where it is missing"), PREFIX],
    gradient=NoGradient.FORBIDDEN,
    allow="files",
)

REDIS_STORE_HANDLER_CREATE = OpSchema(
    "RedisStoreHandlerCreate",
    doc="A store in a Redis server. Needs the package redis.",
    outputs=[Tensor("handler", "the store", blob=True)],
    args=[
        Arg("host", str, REQUIRED, doc="of the server"),
        Arg("port", int, 6379, doc="of the server"),
        PREFIX,
    ],
    gradient=NoGradient.FORBIDDEN,
    allow="network",
)

STORE_SET = OpSchema(
    "StoreSet",
    doc="Puts a blob into the store, in the place of what the key had.",
    inputs=[HANDLER, Tensor("data", "anything that can be stored", blob=True)],
    args=[BLOB_NAME],
    gradient=NoGradient.FORBIDDEN,
)

STORE_GET = OpSchema(
    "StoreGet",
    doc="The blob that a key has, as soon as it has one; an error after 30 seconds.",
    inputs=[HANDLER],
    outputs=[Tensor("data", "what StoreSet put there", blob=True)],
    args=[BLOB_NAME],
    gradient=NoGradient.FORBIDDEN,
)

STORE_ADD = OpSchema(
    "StoreAdd",
    doc="""Adds to a counter in the store, which starts at 0, and gives it: no two processes get the same number.
    Differs from Caffe2: file stores can count too.""",
    inputs=[HANDLER],
    outputs=[Tensor("value", "int64 (1,)")],
    args=[BLOB_NAME, Arg("add_value", int, 1, doc="what is added")],
    gradient=NoGradient.FORBIDDEN,
)

STORE_WAIT = OpSchema(
    "StoreWait",
    doc="Returns when all keys have values; an error after 30 seconds.",
    inputs=[HANDLER, Tensor("names", "keys, strings", optional=True)],
    args=[Arg("blob_names", "strings", (), doc="keys, where there is no input `names`")],
    gradient=NoGradient.FORBIDDEN,
    check=lambda n_inputs, n_outputs, args: _wrong_names(n_inputs, args),
)


@kernel(FILE_STORE_HANDLER_CREATE)
def file_store_handler_create(xp, *, path, prefix):
    from c2.communicate.file_store import FileStore

    return _prefixed(FileStore(path), prefix)


@kernel(REDIS_STORE_HANDLER_CREATE)
def redis_store_handler_create(xp, *, host, port, prefix):
    from c2.communicate.redis_store import RedisStore

    return _prefixed(RedisStore(f"redis://{host}:{port}"), prefix)


@kernel(STORE_SET)
def store_set(xp, handler, data, *, blob_name, context):
    name = blob_name or context.op.inputs[1]
    ((_, content),) = serialize_blob(name, data, chunk_size=-1)
    store_of(handler).set(name, content)


@kernel(STORE_GET)
def store_get(xp, handler, *, blob_name, context):
    name = blob_name or context.op.outputs[0]
    store = store_of(handler)
    found = BlobAssembler(source=f"{store}, key '{name}'")
    found.add(name, store.get(name))
    return next(iter(found.finish().values()))


@kernel(STORE_ADD)
def store_add(xp, handler, *, blob_name, add_value, context):
    name = blob_name or context.op.outputs[0]
    return np.array([store_of(handler).add(name, add_value)], np.int64)


@kernel(STORE_WAIT)
def store_wait(xp, handler, names=None, *, blob_names):
    wanted = blob_names if names is None else names.reshape(-1)
    store_of(handler).wait([n.decode() for n in wanted])


def store_of(handler: Any) -> Store:
    """The blob, which must be a store."""
    require(
        isinstance(handler, Store), "handler must be a store", "a store", type(handler).__name__
    )
    assert isinstance(handler, Store)
    return handler


def _prefixed(store: Store, prefix: str) -> Store:
    return PrefixStore(store, prefix) if prefix else store


def _wrong_names(n_inputs: int, args: dict[str, Any]) -> str | None:
    if (n_inputs > 1) == bool(args["blob_names"]):
        return "keys are given by the input `names` or by `blob_names`, one of them"
    return None
