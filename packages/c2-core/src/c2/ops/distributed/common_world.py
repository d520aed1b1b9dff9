"""Common worlds: the communicator that collectives take as their first input."""

from __future__ import annotations

from typing import Any

from c2.communicate.communicator import Communicator
from c2.communicate.joining import GLOO, connect
from c2.ops.distributed.stores import store_of
from c2.registry import Arg, NoGradient, OpSchema, Tensor, kernel, require

COMM_WORLD = Tensor("comm_world", "what CreateCommonWorld makes", blob=True)
STATUS_BLOB = Arg(
    "status_blob", str, "", doc="a blob that becomes the text of the error, if one occurs"
)

CREATE_COMMON_WORLD = OpSchema(
    "CreateCommonWorld",
    doc="""Joins `size` processes, of which this is number `rank`; returns when all are there.

    The engine says by what: GLOO (c2-gloo). Without a store, rank and size come from whatever started the process, as
    `c2.communicate.connect` finds them. Differs from Caffe2: the transport is TCP, whatever `transport` asks for.
    """,
    inputs=[Tensor("kv_handler", "a store", optional=True, blob=True)],
    outputs=[Tensor("comm_world", "the communicator", blob=True)],
    args=[
        Arg("size", int, 1, doc="number of processes", minimum=1),
        Arg("rank", int, 0, doc="of this process, from 0", minimum=0),
        Arg("timeout_ms", int, 30_000, doc="milliseconds, for joining and for each collective", minimum=1),
        Arg("interface", str, "", doc="of the network to use; found by itself where there is none"),
        Arg("transport", str, "", doc="accepted; it is TCP"),
        STATUS_BLOB,
    ],
    gradient=NoGradient.FORBIDDEN,
    allow="network",
)  # fmt: skip

CLONE_COMMON_WORLD = OpSchema(
    "CloneCommonWorld",
    doc="A second communicator of the same processes, whose collectives may run at the same time. All processes clone.",
    inputs=[Tensor("existing_comm_world", "a communicator", blob=True)],
    outputs=[Tensor("comm_world", "another", blob=True)],
    args=[STATUS_BLOB],
    gradient=NoGradient.FORBIDDEN,
    allow="network",
)

DESTROY_COMMON_WORLD = OpSchema(
    "DestroyCommonWorld",
    doc="Ends the connections of a communicator.",
    inputs=[Tensor("common_world", "a communicator", blob=True)],
    outputs=[Tensor("common_world", "the same, closed", blob=True)],
    inplace_required={"common_world": "common_world"},
    gradient=NoGradient.FORBIDDEN,
)


@kernel(CREATE_COMMON_WORLD)
def create_common_world(
    xp, kv_handler=None, *, size, rank, timeout_ms, interface, transport, status_blob, context
):
    engine = next(iter(context.op.op.engine.split(",")), "") or GLOO
    where = {"engine": engine, "timeout": timeout_ms / 1000, "interface": interface or None}
    with reported(context, status_blob):
        if kv_handler is None:
            return connect(size=size, **where)
        return connect(rank, size, store_of(kv_handler), **where)


@kernel(CLONE_COMMON_WORLD)
def clone_common_world(xp, existing_comm_world, *, status_blob, context):
    with reported(context, status_blob):
        return communicator_of(existing_comm_world).clone()


@kernel(DESTROY_COMMON_WORLD)
def destroy_common_world(xp, common_world):
    communicator_of(common_world).close()
    return common_world


def communicator_of(blob: Any) -> Communicator:
    """The blob, which must be a communicator."""
    require(
        isinstance(blob, Communicator), "comm_world must be what CreateCommonWorld makes", "a communicator",
        type(blob).__name__,
    )  # fmt: skip
    assert isinstance(blob, Communicator)
    return blob


class reported:
    """Puts the text of an error of the operator into its status blob."""

    def __init__(self, context: Any, status_blob: str) -> None:
        self.context, self.name = context, status_blob

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self.name and isinstance(error, Exception):
            self.context.workspace.feed(self.name, str(error))
