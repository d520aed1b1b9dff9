"""Collectives: all processes of a common world run them, in the same order."""

from __future__ import annotations

from typing import Any

import numpy as np

from c2.ops.distributed.common_world import COMM_WORLD, STATUS_BLOB, communicator_of, reported
from c2.ops.nary.scale_blobs import MANY
from c2.ops.results import stored
from c2.registry import Arg, NoGradient, OpSchema, Tensor, TensorSpec, kernel, require

ROOT = Arg("root", int, 0, doc="the rank whose tensors all get, or that gets the sum", minimum=0)


def _alike(comm_world: Any, *X: TensorSpec, **args: Any) -> tuple[TensorSpec, ...]:
    require(
        len({(x.shape, x.dtype) for x in X}) < 2, "all X must be of one shape and dtype", X[0], list(X)
    )  # fmt: skip
    return X


def _each(comm_world: Any, *X: TensorSpec, **args: Any) -> tuple[TensorSpec, ...]:
    return X


ALLREDUCE = OpSchema(
    "Allreduce",
    doc="""Every Y is the sum of all X of all processes. In place. Differs from Caffe2: integers and float64 too.""",
    inputs=[COMM_WORLD, Tensor("X", "one shape and dtype", variadic=True)],
    outputs=[Tensor("Y", "the same blobs as X", variadic=True)],
    args=[STATUS_BLOB],
    infer=_alike,
    gradient=NoGradient.FORBIDDEN,
)

BROADCAST = OpSchema(
    "Broadcast",
    doc="Every X becomes that of the process `root`. In place.",
    inputs=[COMM_WORLD, Tensor("X", "any", variadic=True)],
    outputs=[Tensor("Y", "the same blobs as X", variadic=True)],
    args=[ROOT, STATUS_BLOB],
    infer=_each,
    gradient=NoGradient.FORBIDDEN,
)

REDUCE = OpSchema(
    "Reduce",
    doc="Y is the sum of the X of all processes at the process `root`, and X at the others.",
    inputs=[COMM_WORLD, Tensor("X", "any shape")],
    outputs=[Tensor("Y", "shape and dtype of X")],
    args=[ROOT, STATUS_BLOB],
    infer=_each,
    inplace={"X": "Y"},
    gradient=NoGradient.FORBIDDEN,
)

ALLGATHER = OpSchema(
    "Allgather",
    doc="""Y is a vector: the X of the first process, one after the other, then those of the next, to the last.""",
    inputs=[COMM_WORLD, Tensor("X", "one shape and dtype", variadic=True)],
    outputs=[Tensor("Y", "(processes * number of X * elements of X,)")],
    args=[STATUS_BLOB],
    gradient=NoGradient.FORBIDDEN,
)

REDUCE_SCATTER = OpSchema(
    "ReduceScatter",
    doc="""The front of every Y is this process's part of the sum of all X of all processes; the rest is undefined.

    Process k gets counts[k] elements. In place.
    """,
    inputs=[
        COMM_WORLD,
        Tensor("X", "one shape and dtype, then `counts`, int32 (processes,)", variadic=True, minimum=2),
    ],
    outputs=[Tensor("Y", "the same blobs as X and counts", variadic=True, minimum=2)],
    args=[STATUS_BLOB],
    infer=_each,
    gradient=NoGradient.FORBIDDEN,
)  # fmt: skip

BARRIER = OpSchema(
    "Barrier",
    doc="Returns when all processes have come here.",
    inputs=[COMM_WORLD],
    args=[STATUS_BLOB],
    gradient=NoGradient.FORBIDDEN,
)


for _in_place in (ALLREDUCE, BROADCAST, REDUCE_SCATTER):
    _in_place.inplace_required_pairs = frozenset((k + 1, k) for k in range(MANY))


@kernel(ALLREDUCE)
def allreduce(xp, comm_world, *X, status_blob, context, out=None):
    results = _own(xp, X, out)
    _sum_up(results)
    with reported(context, status_blob):
        communicator_of(comm_world).allreduce(results[0])
    for other in results[1:]:
        other[...] = results[0]
    return results


@kernel(BROADCAST)
def broadcast(xp, comm_world, *X, root, status_blob, context, out=None):
    results = _own(xp, X, out)
    with reported(context, status_blob):
        communicator_of(comm_world).broadcast(results, root)
    return results


@kernel(REDUCE)
def reduce(xp, comm_world, X, *, root, status_blob, context, out=None):
    (result,) = _own(xp, (X,), out)
    with reported(context, status_blob):
        communicator_of(comm_world).reduce(result, root)
    return result


@kernel(ALLGATHER)
def allgather(xp, comm_world, *X, status_blob, context):
    communicator = communicator_of(comm_world)
    own = xp.concatenate([x.reshape(-1) for x in X])
    gathered = xp.empty((communicator.size, own.size), own.dtype)
    with reported(context, status_blob):
        communicator.allgather(own, gathered)
    return gathered.reshape(-1)


@kernel(REDUCE_SCATTER)
def reduce_scatter(xp, comm_world, *X, status_blob, context, out=None):
    communicator = communicator_of(comm_world)
    results = _own(xp, X, out)
    counts = [int(n) for n in np.asarray(results[-1]).reshape(-1)]
    tensors = results[:-1]
    _sum_up(tensors)
    flat = tensors[0].reshape(-1)
    part = xp.empty(counts[communicator.rank % len(counts)], flat.dtype)
    with reported(context, status_blob):
        communicator.reduce_scatter(flat, counts, part)
    for one in tensors:
        one.reshape(-1)[: part.size] = part
    return results


@kernel(BARRIER)
def barrier(xp, comm_world, *, status_blob, context):
    with reported(context, status_blob):
        communicator_of(comm_world).barrier()


def _own(xp: Any, X: tuple[Any, ...], out: Any) -> tuple[Any, ...]:
    """The tensors in the buffers of the results, C-contiguous."""
    buffers = out if isinstance(out, tuple) else (out,) * len(X)
    return tuple(
        stored(xp, x, buffer if buffer is None or buffer.flags.c_contiguous else None)
        for x, buffer in zip(X, buffers)
    )


def _sum_up(tensors: tuple[Any, ...]) -> None:
    """Adds all to the first."""
    for other in tensors[1:]:
        tensors[0].__iadd__(other)
