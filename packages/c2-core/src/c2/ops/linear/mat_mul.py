"""MatMul: the product of two tensors seen as matrices."""

import numpy as np

from c2.ops.linear.flatten import as_matrix
from c2.ops.rules import canonical_axis, equal, same_dtype, same_size
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel
from c2.registry.spec import FLOAT


def _infer(A, B, shape_like=None, *, axis_a, axis_b, trans_a, trans_b):
    same_dtype(A=A, B=B)
    canonical_axis("axis_a", axis_a, A.ndim)
    canonical_axis("axis_b", axis_b, B.ndim)
    (M, inner), (inner_b, N) = _sizes(A, axis_a, trans_a), _sizes(B, axis_b, trans_b)
    equal(
        "columns of A (rows where trans_a) must equal rows of B (columns where trans_b)",
        inner,
        inner_b,
    )
    result = TensorSpec((M, N), A.dtype)
    if shape_like is None:
        return result
    same_size(Y=result, shape_like=shape_like)
    return result.with_shape(shape_like.shape)


def _sizes(X, axis, transposed):
    rows, columns = as_matrix(X.shape, axis)
    return (columns, rows) if transposed else (rows, columns)


def _cost(A, B, shape_like=None, *, axis_a, axis_b, trans_a, trans_b):
    M, K = _sizes(A, axis_a, trans_a)
    return 2 * M * K * _sizes(B, axis_b, trans_b)[1]


MAT_MUL = OpSchema(
    "MatMul",
    doc="""Y = A B, where A and B are flattened to matrices at axis_a and axis_b and then transposed where asked.

    An inner size of 0 gives zeros. Differs from Caffe2: the gradient works for every axis_a and axis_b, as it
    passes them on; Caffe2's gradient always flattens at axis 1.
    """,
    inputs=[
        Tensor("A", "one axis or more", FLOAT),
        Tensor("B", "one axis or more; dtype of A", FLOAT),
        Tensor("shape_like", "Y gets its shape; the content is not read", optional=True),
    ],
    outputs=[Tensor("Y", "(M, N), or the shape of shape_like; dtype of A")],
    args=[
        Arg("axis_a", int, default=1, doc="axes of A before it are rows, the others columns"),
        Arg("axis_b", int, default=1, doc="axes of B before it are rows, the others columns"),
        Arg("trans_a", bool, default=False, doc="transpose the matrix of A"),
        Arg("trans_b", bool, default=False, doc="transpose the matrix of B"),
    ],
    infer=_infer,
    cost=_cost,
)


@kernel(MAT_MUL)
def mat_mul(xp, A, B, shape_like=None, *, axis_a, axis_b, trans_a, trans_b, out=None):
    A2, B2 = _matrix(A, axis_a, trans_a), _matrix(B, axis_b, trans_b)
    if out is None:
        Y = xp.matmul(A2, B2)
        return Y if shape_like is None else Y.reshape(shape_like.shape)
    xp.matmul(A2, B2, out=out.reshape(len(A2), B2.shape[1]))
    return out


def _matrix(X, axis, transposed):
    X = X.reshape(as_matrix(X.shape, axis))
    return X.T if transposed else X


@gradient(MAT_MUL)
def mat_mul_gradient_maker(g):
    """dA and dB are products of dY with the other factor; the third input gives them their shape back."""
    a = (g.I("A"), g.args["axis_a"], g.args["trans_a"])
    b = (g.I("B"), g.args["axis_b"], g.args["trans_b"])
    y = (g.GO("Y"), 1, False)
    dA = _product(g, b, _turned(y), a, "A") if a[2] else _product(g, y, _turned(b), a, "A")
    dB = _product(g, _turned(y), a, b, "B") if b[2] else _product(g, _turned(a), y, b, "B")
    return [dA, dB]


def _turned(factor):
    blob, axis, transposed = factor
    return blob, axis, not transposed


def _product(g, left, right, target, which):
    """MatMul of two (blob, axis, transposed); Caffe2 names the axis of the forward factor alone."""
    args = {}
    if left[2]:
        args["trans_a"] = 1
    if right[2]:
        args["trans_b"] = 1
    if left[0] != g.GO("Y"):
        args["axis_a"] = left[1]
    if right[0] != g.GO("Y"):
        args["axis_b"] = right[1]
    return g.op("MatMul", [left[0], right[0], target[0]], [g.GI(which)], copy_args=False, **args)


@cases(MAT_MUL)
def mat_mul_cases(rng):
    shapes = [((2, 3), 1), ((2, 1, 3), -1), ((2, 3), -1)]
    for trans_a in (0, 1):
        for trans_b in (0, 1):
            for shape, axis in shapes:
                A = rng.standard_normal(shape)
                matrix = A.reshape(-1, 3)
                inner = matrix.shape[0 if trans_a else 1]
                B = rng.standard_normal((2, 2, inner) if trans_b else (inner, 4))
                rows = matrix.T if trans_a else matrix
                columns = B.reshape(4, inner) if trans_b else B.T
                expected = np.array([[np.dot(r, c) for c in columns] for r in rows])
                args = {
                    "axis_a": axis,
                    "axis_b": 2 if trans_b else 1,
                    "trans_a": trans_a,
                    "trans_b": trans_b,
                }
                yield Case({"A": A, "B": B}, args, expect={"Y": expected})
    A, B = rng.standard_normal((2, 3)), rng.standard_normal((3, 4))
    like = np.zeros((2, 2, 2), np.int32)
    expected = np.einsum("ij,jk->ik", A, B).reshape(2, 2, 2)
    yield Case(
        {"A": A, "B": B, "shape_like": like}, expect={"Y": expected}, grad=(), id="shape_like"
    )
    yield Case(
        {"A": np.ones((2, 0)), "B": np.ones((0, 3))}, expect={"Y": np.zeros((2, 3))}, id="empty sum"
    )
    yield Case(
        {"A": np.ones((0, 2)), "B": np.ones((2, 3))}, expect={"Y": np.zeros((0, 3))}, id="empty"
    )
    vectors = {"A": np.array([1.0, 2.0]), "B": np.array([3.0, 4.0])}
    yield Case(
        vectors,
        {"axis_a": 0, "axis_b": 0, "trans_b": 1},
        expect={"Y": np.array([[11.0]])},
        id="vectors",
    )
