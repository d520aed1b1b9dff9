"""SendTensor and ReceiveTensor: from one process to another."""

from __future__ import annotations

import numpy as np

from c2.ops.distributed.common_world import COMM_WORLD, STATUS_BLOB, communicator_of, reported
from c2.registry import Arg, NoGradient, OpSchema, Tensor, kernel

TAG = Arg("tag", int, 0, doc="tells messages between the same two processes apart", minimum=0)
RAW_BUFFER = Arg("raw_buffer", bool, False, doc="accepted: messages have no header here")

SEND_TENSOR = OpSchema(
    "SendTensor",
    doc="Sends X to the process `dst`, which receives it with the same tag into a tensor of the same size.",
    inputs=[
        COMM_WORLD,
        Tensor("X", "any"),
        Tensor("dst", "int, in the place of the argument", optional=True),
        Tensor("tag", "int, in the place of the argument", optional=True),
    ],
    args=[Arg("dst", int, 0, doc="the process that receives", minimum=0), TAG, RAW_BUFFER, STATUS_BLOB],
    gradient=NoGradient.FORBIDDEN,
)  # fmt: skip

RECEIVE_TENSOR = OpSchema(
    "ReceiveTensor",
    doc="""Y becomes the tensor that the process `src` sends, or any process where src is -1.

    Y must have the size of what is sent. The other outputs are who sent it and its tag.
    """,
    inputs=[
        COMM_WORLD,
        Tensor("Y", "of the size of what is sent"),
        Tensor("src", "int, in the place of the argument", optional=True),
        Tensor("tag", "int, in the place of the argument", optional=True),
    ],
    outputs=[Tensor("Y", "the same blob"), Tensor("src", "int32 (1,)"), Tensor("tag", "int32 (1,)")],
    args=[Arg("src", int, -1, doc="the process that sends; -1: any", minimum=-1), TAG, RAW_BUFFER, STATUS_BLOB],
    inplace={"Y": "Y"},
    gradient=NoGradient.FORBIDDEN,
)  # fmt: skip


@kernel(SEND_TENSOR)
def send_tensor(
    xp, comm_world, X, to=None, label=None, *, dst, tag, raw_buffer, status_blob, context
):
    whom, number = _given(to, dst), _given(label, tag)
    with reported(context, status_blob):
        communicator_of(comm_world).send(xp.ascontiguousarray(X), whom, number)


@kernel(RECEIVE_TENSOR)
def receive_tensor(
    xp, comm_world, Y, sender=None, label=None, *, src, tag, raw_buffer, status_blob, context
):
    whom, number = _given(sender, src), _given(label, tag)
    result = xp.empty(Y.shape, Y.dtype)
    with reported(context, status_blob):
        source = communicator_of(comm_world).receive(result, None if whom < 0 else whom, number)
    return result, np.array([source], np.int32), np.array([number], np.int32)


def _given(tensor, argument):
    return argument if tensor is None else int(np.asarray(tensor).reshape(-1)[0])
