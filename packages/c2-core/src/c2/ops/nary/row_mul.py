"""RowMul: each row times a number."""

import numpy as np

from c2.ops.rules import equal, same_dtype
from c2.registry import Case, OpSchema, Tensor, cases, gradient, kernel, require
from c2.registry.spec import FLOAT


def infer(mat, w):
    same_dtype(mat=mat, w=w)
    require(mat.ndim >= 1, "mat must have at least 1 axis", ">= 1", mat.ndim)
    equal("w must have one number per row of mat", mat.shape[0], w.size)
    return mat


ROW_MUL = OpSchema(
    "RowMul",
    doc="output[i] = mat[i] * w[i], for rows of any shape.",
    inputs=[Tensor("mat", "(N, ...)", FLOAT), Tensor("w", "N numbers", FLOAT)],
    outputs=[Tensor("output", "shape and dtype of mat")],
    infer=infer,
)


@kernel(ROW_MUL)
def row_mul(xp, mat, w, *, out=None):
    return xp.multiply(mat, w.reshape((-1,) + (1,) * (mat.ndim - 1)), out=out)


@gradient(ROW_MUL)
def row_mul_gradient_maker(g):
    product = f"{g.GI('w')}before_aggregate"
    return [
        g.op("RowMul", [g.GO("output"), g.I("w")], [g.GI("mat")]),
        g.op("Mul", [g.GO("output"), g.I("mat")], [product]),
        g.op("ReduceTailSum", [product], [g.GI("w")]),
    ]


@cases(ROW_MUL)
def row_mul_cases(rng):
    for shape in ((3,), (2, 3), (3, 2, 2), (0, 4)):
        mat, w = rng.uniform(-1, 1, shape), rng.uniform(-1, 1, shape[:1])
        yield Case({"mat": mat, "w": w}, expect={"output": np.einsum("i...,i->i...", mat, w)})
    mat, w = rng.uniform(-1, 1, (3, 2)), rng.uniform(-1, 1, (1, 3))
    yield Case({"mat": mat, "w": w}, expect={"output": np.diag(w[0]) @ mat}, grad=["mat"])
