"""Tensors of all processes made one, each by itself. Operators of c2: Caffe2 builds them from several."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from c2.ops.distributed.common_world import COMM_WORLD, STATUS_BLOB, communicator_of, reported
from c2.ops.nary.scale_blobs import MANY
from c2.ops.results import stored
from c2.registry import NoGradient, OpSchema, Tensor, TensorSpec, kernel
from c2.registry.spec import FLOAT

SMALL = 64 << 10  # bytes: tensors below it are exchanged together


def _in_place(type_, what):
    """The schema of an operator that puts something over all processes into each of its blobs."""
    schema = OpSchema(
        type_,
        doc=f"""Each Y is the {what} of its X over all processes. In place. Small ones are exchanged together.

        Differs from Caffe2, which has no such operator: Allreduce there adds up all its inputs.
        """,
        inputs=[COMM_WORLD, Tensor("X", "any shapes, one dtype", FLOAT, variadic=True)],
        outputs=[Tensor("Y", "the same blobs as X", variadic=True)],
        args=[STATUS_BLOB],
        infer=lambda comm_world, *X, **args: X,
        gradient=NoGradient.FORBIDDEN,
    )
    schema.inplace_required_pairs = frozenset((k + 1, k) for k in range(MANY))
    schema.inplace_pairs = schema.inplace_required_pairs
    return schema


ALLREDUCE_MEAN = _in_place("AllreduceMean", "mean")
ALLREDUCE_SUM = _in_place("AllreduceSum", "sum")

ALLREDUCE_MEAN_START = OpSchema(
    "AllreduceMeanStart",
    doc="""Begins what AllreduceMean does, and lets the net go on. Nothing may touch the blobs before AllreduceMeanWait.

    Differs from Caffe2, which has no such operator: its nets of type dag run Allreduce beside other operators.
    """,
    inputs=[COMM_WORLD, Tensor("X", "any shapes, one dtype", FLOAT, variadic=True)],
    outputs=[
        Tensor("ticket", "int64 (1,), for AllreduceMeanWait"),
        Tensor("Y", "the same blobs as X", variadic=True),
    ],
    args=[STATUS_BLOB],
    infer=lambda comm_world, *X, **args: (TensorSpec((1,), np.dtype(np.int64)), *X),
    gradient=NoGradient.FORBIDDEN,
)
ALLREDUCE_MEAN_START.inplace_required_pairs = frozenset((k, k) for k in range(1, MANY))
ALLREDUCE_MEAN_START.inplace_pairs = ALLREDUCE_MEAN_START.inplace_required_pairs

ALLREDUCE_MEAN_WAIT = OpSchema(
    "AllreduceMeanWait",
    doc="""Each Y is the mean of its X over all processes, once what AllreduceMeanStart began is done. In place.

    Differs from Caffe2, which has no such operator.
    """,
    inputs=[
        COMM_WORLD,
        Tensor("ticket", "of AllreduceMeanStart", frozenset({"int64"})),
        Tensor("X", "the blobs of AllreduceMeanStart", FLOAT, variadic=True),
    ],
    outputs=[Tensor("Y", "the same blobs as X", variadic=True)],
    args=[STATUS_BLOB],
    infer=lambda comm_world, ticket, *X, **args: X,
    gradient=NoGradient.FORBIDDEN,
)
ALLREDUCE_MEAN_WAIT.inplace_required_pairs = frozenset((k + 2, k) for k in range(MANY))
ALLREDUCE_MEAN_WAIT.inplace_pairs = ALLREDUCE_MEAN_WAIT.inplace_required_pairs

ALLGATHER_MEAN_ROWS = OpSchema(
    "AllgatherMeanRows",
    doc="""The rows of a sparse gradient of all processes, one after the other, divided by the number of processes.

    Each process may have another number of rows. Differs from Caffe2, which has no such operator.
    """,
    inputs=[
        COMM_WORLD,
        Tensor("indices", "integers (rows,)", frozenset({"int32", "int64"})),
        Tensor("values", "(rows, ...)", FLOAT),
    ],
    outputs=[
        Tensor("all_indices", "(rows of all,), dtype of indices"),
        Tensor("all_values", "(rows of all, ...), dtype of values"),
    ],
    args=[STATUS_BLOB],
    infer=lambda comm_world, indices, values, **args: (
        TensorSpec(None, indices.dtype),
        TensorSpec(None, values.dtype),
    ),
    gradient=NoGradient.FORBIDDEN,
)


class _Exchange:
    """Means, or sums, over all processes; keeps the memory in which small tensors travel together."""

    def __init__(self, xp: Any, mean: bool) -> None:
        self.xp, self.mean, self.together = xp, mean, None

    def __call__(self, ranks: Any, tensors: Sequence[Any]) -> Sequence[Any]:
        """Makes each tensor the mean, or the sum, in place; gives them back."""
        small = [y for y in tensors if y.nbytes < SMALL]
        for y in tensors:
            if y.nbytes >= SMALL:
                self._allreduce(ranks, y)
        if small:
            self._exchange_together(ranks, small)
        return tensors

    def _exchange_together(self, ranks: Any, tensors: list[Any]) -> None:
        count = sum(y.size for y in tensors)
        if self.together is None or self.together.size != count:
            self.together = self.xp.empty(count, tensors[0].dtype)
        flat = self.xp.concatenate([y.reshape(-1) for y in tensors], out=self.together)
        self._allreduce(ranks, flat)
        start = 0
        for y in tensors:
            y[...] = flat[start : start + y.size].reshape(y.shape)
            start += y.size

    def _allreduce(self, ranks: Any, y: Any) -> None:
        ranks.allreduce(y)
        if self.mean:
            y *= y.dtype.type(1 / ranks.size)


class _Allreduce:
    """Exchanges and waits."""

    mean = False

    def __init__(self, xp, comm_world, *X, status_blob, context):
        self.xp, self.context, self.status_blob = xp, context, status_blob
        self.exchange = _Exchange(xp, self.mean)

    def __call__(self, comm_world, *X, out=None):
        ranks = communicator_of(comm_world)
        buffers = out if isinstance(out, tuple) else (out,) * len(X)
        results = tuple(stored(self.xp, x, buffer) for x, buffer in zip(X, buffers))
        with reported(self.context, self.status_blob):
            self.exchange(ranks, results)
        return results


@kernel(ALLREDUCE_SUM)
class AllreduceSum(_Allreduce):
    """Sums."""


@kernel(ALLREDUCE_MEAN)
class AllreduceMean(_Allreduce):
    """Means."""

    mean = True


@kernel(ALLREDUCE_MEAN_START)
class AllreduceMeanStart:
    """Exchanges in the background."""

    def __init__(self, xp, comm_world, *X, status_blob, context):
        self.xp, self.context, self.status_blob = xp, context, status_blob
        self.exchange = _Exchange(xp, mean=True)

    def __call__(self, comm_world, *X, out=None):
        ranks = communicator_of(comm_world)
        ticket, *buffers = (np.empty(1, np.int64), *[None] * len(X)) if out is None else out
        results = [stored(self.xp, x, buffer) for x, buffer in zip(X, buffers)]
        with reported(self.context, self.status_blob):
            ticket[0] = ranks.begin(partial(self.exchange, tensors=results))
        return (ticket, *results)


@kernel(ALLREDUCE_MEAN_WAIT)
def allreduce_mean_wait(xp, comm_world, ticket, *X, status_blob, context, out=None):
    with reported(context, status_blob):
        means = communicator_of(comm_world).finish(int(ticket[0]))
    buffers = out if isinstance(out, tuple) else (out,) * len(X)
    return tuple(stored(xp, mean, buffer) for mean, buffer in zip(means, buffers))


@kernel(ALLGATHER_MEAN_ROWS)
def allgather_mean_rows(xp, comm_world, indices, values, *, status_blob, context):
    ranks = communicator_of(comm_world)
    with reported(context, status_blob):
        counts = np.empty((ranks.size, 1), np.int64)
        ranks.allgather(np.array([len(indices)], np.int64), counts)
        all_indices = _rows_of_all(xp, ranks, indices, counts[:, 0])
        all_values = _rows_of_all(xp, ranks, values, counts[:, 0])
    all_values *= values.dtype.type(1 / ranks.size)
    return all_indices, all_values


def _rows_of_all(xp: Any, ranks: Any, own: Any, counts: Any) -> Any:
    """Each process sends as many rows as the longest has; the rest is cut off."""
    sent = xp.zeros((int(counts.max()), *own.shape[1:]), own.dtype)
    sent[: len(own)] = own
    gathered = xp.empty((ranks.size, *sent.shape), own.dtype)
    ranks.allgather(sent, gathered)
    return xp.concatenate([part[:count] for part, count in zip(gathered, counts)])
