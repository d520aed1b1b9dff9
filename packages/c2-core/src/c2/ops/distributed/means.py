"""Gradients of all processes made one. Operators of c2: Caffe2 builds them from several."""

from __future__ import annotations

from typing import Any

import numpy as np

from c2.ops.distributed.common_world import COMM_WORLD, STATUS_BLOB, communicator_of, reported
from c2.ops.nary.scale_blobs import MANY
from c2.ops.results import stored
from c2.registry import NoGradient, OpSchema, Tensor, TensorSpec, kernel
from c2.registry.spec import FLOAT

SMALL = 64 << 10  # bytes: tensors below it are exchanged together

ALLREDUCE_MEAN = OpSchema(
    "AllreduceMean",
    doc="""Each Y is the mean of its X over all processes. In place. Small ones are exchanged together.

    Differs from Caffe2, which has no such operator: Allreduce there adds up all its inputs.
    """,
    inputs=[COMM_WORLD, Tensor("X", "any shapes, one dtype", FLOAT, variadic=True)],
    outputs=[Tensor("Y", "the same blobs as X", variadic=True)],
    args=[STATUS_BLOB],
    infer=lambda comm_world, *X, **args: X,
    gradient=NoGradient.FORBIDDEN,
)
ALLREDUCE_MEAN.inplace_required_pairs = frozenset((k + 1, k) for k in range(MANY))

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


@kernel(ALLREDUCE_MEAN)
class AllreduceMean:
    """Keeps the memory in which small tensors travel together."""

    def __init__(self, xp, comm_world, *X, status_blob, context):
        self.xp, self.context, self.status_blob = xp, context, status_blob
        self.together = None

    def __call__(self, comm_world, *X, out=None):
        ranks = communicator_of(comm_world)
        buffers = out if isinstance(out, tuple) else (out,) * len(X)
        results = tuple(stored(self.xp, x, buffer) for x, buffer in zip(X, buffers))
        small = [y for y in results if y.nbytes < SMALL]
        with reported(self.context, self.status_blob):
            for y in results:
                if y.nbytes >= SMALL:
                    ranks.allreduce(y)
                    y *= y.dtype.type(1 / ranks.size)
            if small:
                self._exchange(ranks, small)
        return results

    def _exchange(self, ranks: Any, tensors: list[Any]) -> None:
        count = sum(y.size for y in tensors)
        if self.together is None or self.together.size != count:
            self.together = self.xp.empty(count, tensors[0].dtype)
        flat = self.xp.concatenate([y.reshape(-1) for y in tensors], out=self.together)
        ranks.allreduce(flat)
        flat *= flat.dtype.type(1 / ranks.size)
        start = 0
        for y in tensors:
            y[...] = flat[start : start + y.size].reshape(y.shape)
            start += y.size


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
