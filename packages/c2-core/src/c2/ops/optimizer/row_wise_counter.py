"""RowWiseCounter: how often each row of a table was seen lately."""

import numpy as np

from c2.ops.optimizer.dense import ITER, begun, like
from c2.ops.optimizer.rows import INDICES, update_rows
from c2.ops.rules import one_element, same_size
from c2.registry import Arg, Case, OpSchema, Tensor, cases, kernel
from c2.registry.schema import NoGradient


def _infer(prev_iter, counter, indices, iteration, *, counter_halflife):
    same_size(prev_iter=prev_iter, update_counter=counter)
    one_element(iter=iteration)
    return like(prev_iter, counter)


_IN_PLACE = {"prev_iter": "output_prev_iter", "update_counter": "output_update_counter"}
ROW_WISE_COUNTER = OpSchema(
    "RowWiseCounter",
    doc="""counter[i] = 1 + 2^(-d / counter_halflife) counter[i] with d = max(0, iter - prev_iter[i]), for the rows i
    that indices name, and prev_iter[i] = max(iter, prev_iter[i]); in place.

    A row named twice counts twice. With counter_halflife of 0 or less nothing changes.
    """,
    inputs=[
        Tensor("prev_iter", "iteration at which each row was last seen (N,)", frozenset({"int64"})),
        Tensor("update_counter", "counter of each row (N,)", frozenset({"float64"})),
        INDICES,
        ITER,
    ],
    outputs=[
        Tensor("output_prev_iter", "the blob of prev_iter"),
        Tensor("output_update_counter", "the blob of update_counter"),
    ],
    args=[
        Arg("counter_halflife", int, default=-1, doc="iterations after which a count has halved")
    ],
    infer=_infer,
    inplace=_IN_PLACE,
    inplace_required=_IN_PLACE,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(ROW_WISE_COUNTER)
def row_wise_counter(xp, prev_iter, counter, indices, iteration, *, counter_halflife, out=None):
    outputs = prev_iter, counter = begun(xp, out, 2, prev_iter, counter)
    now = iteration.item()

    def step(seen, count):
        passed = xp.maximum(now - seen, 0)
        count[...] = 1 + xp.exp2(-passed / counter_halflife) * count
        xp.maximum(seen, now, out=seen)

    if counter_halflife > 0:
        update_rows(xp, indices, [prev_iter.reshape(-1), counter.reshape(-1)], [], step)
    return outputs


@cases(ROW_WISE_COUNTER)
def row_wise_counter_cases(rng):
    prev_iter, counter = np.array([0, 3, 9, 12]), np.array([0.0, 1.5, 2.0, 4.0])
    for indices in (np.array([2, 0, 1, 2, 3], np.int32), np.zeros(0, np.int64)):
        for halflife in (-1, 4):
            seen, counts = prev_iter.copy(), counter.copy()
            for i in indices if halflife > 0 else ():
                counts[i] = 1 + counts[i] * 0.5 ** (max(10 - seen[i], 0) / 4)
                seen[i] = max(seen[i], 10)
            inputs = {
                "prev_iter": prev_iter,
                "update_counter": counter,
                "indices": indices,
                "iter": np.array([10]),
            }
            expect = {"output_prev_iter": seen, "output_update_counter": counts}
            yield Case(inputs, {"counter_halflife": halflife}, expect=expect)
