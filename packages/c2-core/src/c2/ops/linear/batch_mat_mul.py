"""BatchMatMul: products of stacks of matrices."""

import numpy as np

from c2.errors import GradientError
from c2.ops.rules import equal, same_dtype
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.spec import FLOAT


def _infer(A, B, *, trans_a, trans_b, broadcast):
    vector = 1 in (A.ndim, B.ndim)
    same_dtype(A=A, B=B)
    for name, X in (("A", A), ("B", B)):
        require(X.ndim >= 1, f"{name} must have one axis or more", "1 or more axes", X.shape)
    (M, inner), (inner_b, N) = _left(A.shape, trans_a), _right(B.shape, trans_b)
    equal("the inner size of A must equal that of B", inner, inner_b)
    batch = _batch(A.shape[:-2], B.shape[:-2], broadcast or vector)
    if A.ndim == B.ndim == 1:
        return TensorSpec((1,), A.dtype)
    rows = () if A.ndim == 1 else (M,)
    return TensorSpec((*batch, *rows, *(() if B.ndim == 1 else (N,))), A.dtype)


def _left(shape, transposed):
    """(rows, inner) of one matrix of A; a vector is one row."""
    if len(shape) == 1:
        return 1, shape[0]
    return (shape[-1], shape[-2]) if transposed else shape[-2:]


def _right(shape, transposed):
    """(inner, columns) of one matrix of B; a vector is one column."""
    if len(shape) == 1:
        return shape[0], 1
    return (shape[-1], shape[-2]) if transposed else shape[-2:]


def _batch(a, b, broadcast):
    n = max(len(a), len(b))
    a, b = (1,) * (n - len(a)) + a, (1,) * (n - len(b)) + b
    require(
        broadcast or a == b,
        "batch axes of A and B must be equal",
        a,
        b,
        "Say broadcast=1 for NumPy's broadcasting.",
    )
    require(
        all(i == j or 1 in (i, j) for i, j in zip(a, b)),
        "batch axes of A and B must broadcast",
        a,
        b,
    )
    return tuple(j if i == 1 else i for i, j in zip(a, b))


def _cost(A, B, **args):
    inner = _left(A.shape, args["trans_a"])[1]
    return 2 * inner * _infer(A, B, **args).size


BATCH_MAT_MUL = OpSchema(
    "BatchMatMul",
    doc="""Y[i] = A[i] B[i] for stacks of matrices (..., M, K) and (..., K, N).

    A vector A is one row, a vector B one column, and its axis is left out of Y; two vectors give shape (1,).
    Batch axes must be equal, where missing ones count as 1; with broadcast=1 they broadcast as in NumPy. Gradients
    exist for equal batch axes. An inner size of 0 gives zeros. Differs from Caffe2: with trans_a and a vector B, Y is
    (..., M), where Caffe2 gives it the shape without trans_a.
    """,
    inputs=[
        Tensor("A", "(..., M, K), or (..., K, M) where trans_a, or (K,)", FLOAT),
        Tensor("B", "(..., K, N), or (..., N, K) where trans_b, or (K,); dtype of A", FLOAT),
    ],
    outputs=[Tensor("Y", "(..., M, N); dtype of A")],
    args=[
        Arg(
            "trans_a",
            bool,
            default=False,
            doc="transpose the last two axes of A; no effect on a vector",
        ),
        Arg(
            "trans_b",
            bool,
            default=False,
            doc="transpose the last two axes of B; no effect on a vector",
        ),
        Arg("broadcast", bool, default=False, doc="let batch axes broadcast"),
    ],
    infer=_infer,
    cost=_cost,
)


@kernel(BATCH_MAT_MUL)
def batch_mat_mul(xp, A, B, *, trans_a, trans_b, broadcast, out=None):
    A2 = A[None, :] if A.ndim == 1 else xp.swapaxes(A, -1, -2) if trans_a else A
    B2 = B[:, None] if B.ndim == 1 else xp.swapaxes(B, -1, -2) if trans_b else B
    if out is None:
        return _without_vectors(xp.matmul(A2, B2), A, B)
    xp.matmul(A2, B2, out=_with_vectors(xp, out, A, B))
    return out


def _without_vectors(Y, A, B):
    """Y without the axis of one that stands for a vector."""
    if A.ndim == B.ndim == 1:
        return Y.reshape(1)
    if A.ndim == 1:
        return Y[..., 0, :]
    return Y[..., 0] if B.ndim == 1 else Y


def _with_vectors(xp, out, A, B):
    if A.ndim == B.ndim == 1:
        return out.reshape(1, 1)
    if A.ndim == 1:
        return xp.expand_dims(out, -2)
    return xp.expand_dims(out, -1) if B.ndim == 1 else out


@gradient(BATCH_MAT_MUL)
def batch_mat_mul_gradient_maker(g):
    if g.args["broadcast"]:
        raise GradientError(
            f"BatchMatMul {g.op_def.name!r}: no gradient with broadcast=1. Tile the smaller input first"
        )
    A, B, dY = g.I("A"), g.I("B"), g.GO("Y")
    trans_a, trans_b = g.args["trans_a"], g.args["trans_b"]
    dA = (
        _product(g, B, dY, trans_b, True, "A")
        if trans_a
        else _product(g, dY, B, False, not trans_b, "A")
    )
    dB = (
        _product(g, dY, A, True, trans_a, "B")
        if trans_b
        else _product(g, A, dY, not trans_a, False, "B")
    )
    return [dA, dB]


def _product(g, left, right, trans_a, trans_b, which):
    args = {name: 1 for name, wanted in (("trans_a", trans_a), ("trans_b", trans_b)) if wanted}
    return g.op("BatchMatMul", [left, right], [g.GI(which)], copy_args=False, **args)


@cases(BATCH_MAT_MUL)
def batch_mat_mul_cases(rng):
    for trans_a in (0, 1):
        for trans_b in (0, 1):
            for batch in [(), (2,), (2, 3), (0,)]:
                A = rng.standard_normal((*batch, *((4, 3) if trans_a else (3, 4))))
                B = rng.standard_normal((*batch, *((2, 4) if trans_b else (4, 2))))
                letters = f"...{'km' if trans_a else 'mk'},...{'nk' if trans_b else 'kn'}->...mn"
                args = {"trans_a": trans_a, "trans_b": trans_b}
                yield Case({"A": A, "B": B}, args, expect={"Y": np.einsum(letters, A, B)})
    A, B = rng.standard_normal((2, 1, 3, 4)), rng.standard_normal((5, 4, 2))
    Y = (A[..., None] * B[:, None]).sum(-2)
    yield Case(
        {"A": A, "B": B}, {"broadcast": 1}, expect={"Y": Y}, grad=(), id="broadcast", inplace=False
    )
    v, w = rng.standard_normal(4), rng.standard_normal(4)
    stack = rng.standard_normal((2, 3, 4))
    yield Case({"A": v, "B": w}, expect={"Y": np.array([sum(v * w)])}, grad=(), id="two vectors")
    yield Case(
        {"A": stack, "B": v}, expect={"Y": (stack * v).sum(-1)}, grad=(), id="vector on the right"
    )
    swapped = np.moveaxis(stack, 1, 2)
    yield Case(
        {"A": v, "B": swapped}, expect={"Y": (stack * v).sum(-1)}, grad=(), id="vector on the left"
    )
    yield Case({"A": v, "B": stack}, {"trans_b": 1}, expect={"Y": (stack * v).sum(-1)}, grad=())
    yield Case({"A": swapped, "B": v}, {"trans_a": 1}, expect={"Y": (stack * v).sum(-1)}, grad=())
