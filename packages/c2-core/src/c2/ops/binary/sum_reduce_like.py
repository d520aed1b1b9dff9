"""SumReduceLike: undoes a broadcast."""

import numpy as np

from c2.ops.binary.broadcast import AXIS, AXIS_STR, ORDER, aligned_shape, sum_to
from c2.ops.binary.cases import LAYOUTS, gathered
from c2.ops.rules import same_dtype
from c2.registry import Case, NoGradient, OpSchema, Tensor, cases, kernel
from c2.registry.spec import FLOAT


def infer(A, B, **where):
    same_dtype(A=A, B=B)
    aligned_shape(A.shape, B.shape, **where)
    return B


SUM_REDUCE_LIKE = OpSchema(
    "SumReduceLike",
    doc="""C = A summed over the axes that B does not have: the gradient of stretching B to the shape of A.

    B stands on consecutive axes of A, from `axis` on, or the last ones; axes of length 1 at either end of B match
    anything, and a B of one element gets the sum of all. An empty sum is 0.
    """,
    inputs=[Tensor("A", "any shape", FLOAT), Tensor("B", "read for its shape alone", FLOAT)],
    outputs=[Tensor("C", "shape of B")],
    args=[AXIS, AXIS_STR, ORDER],
    infer=infer,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(SUM_REDUCE_LIKE)
class SumReduceLike:
    def __init__(self, xp, A, B, **where):
        self.reduce = sum_to(xp, A.shape, aligned_shape(A.shape, B.shape, **where), B.shape)

    def __call__(self, A, B, out=None):
        return self.reduce(A, out)


@cases(SUM_REDUCE_LIKE)
def sum_reduce_like_cases(rng):
    for a, b, args, stretched in LAYOUTS:
        if args.get("broadcast") or a == b:
            A, B = np.asarray(rng.uniform(-1, 1, a)), np.zeros(b)
            where = {k: v for k, v in args.items() if k != "broadcast"}
            expected = gathered(A, B.reshape(stretched)).reshape(b)
            yield Case({"A": A, "B": B}, where, expect={"C": expected})
