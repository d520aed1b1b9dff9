"""ReduceTailSum: the sum of each row of a tensor seen as a matrix (the gradient of RowMul needs it)."""

import numpy as np

from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT


def _infer(mat):
    require(mat.ndim >= 1, "mat must have one axis or more", "1 or more axes", mat.shape)
    return TensorSpec(mat.shape[:1], mat.dtype)


REDUCE_TAIL_SUM = OpSchema(
    "ReduceTailSum",
    doc="""output[i] = the sum of all elements of mat[i].

    Rows without elements give 0; a vector stays as it is. Differs from Caffe2: float16 and float64 are taken too.
    """,
    inputs=[Tensor("mat", "(N, ...)", FLOAT)],
    outputs=[Tensor("output", "(N,)")],
    infer=_infer,
    cost=lambda mat: mat.size,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(REDUCE_TAIL_SUM)
def reduce_tail_sum(xp, mat, *, out=None):
    return mat.reshape(mat.shape[0], -1 if mat.size else 0).sum(axis=1, out=out)


@cases(REDUCE_TAIL_SUM)
def reduce_tail_sum_cases(rng):
    for shape in [(4,), (3, 2), (2, 3, 4)]:
        X = rng.uniform(-1, 1, shape)
        yield Case({"mat": X}, {}, {"output": [np.vdot(x, np.ones_like(x)) for x in X]})
    yield Case({"mat": np.zeros((2, 0))}, {}, {"output": [0, 0]}, id="empty")
