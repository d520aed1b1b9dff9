"""FC and FCTransposed, the fully connected layer, and their gradients."""

import numpy as np

from c2.ops.linear.flatten import as_matrix
from c2.ops.rules import canonical_axis, equal, rank, same_dtype
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

ARGS = [
    Arg(
        "axis",
        int,
        default=1,
        doc="X is a matrix: axes before it are rows (M), the others columns (K)",
    ),
    Arg(
        "axis_w", int, default=1, doc="W is a matrix likewise: (N, K) in FC, (K, N) in FCTransposed"
    ),
    Arg(
        "float16_compute",
        bool,
        default=False,
        doc="add up in float16 where the device can; NumPy never does",
    ),
]


def _sizes(X, W, axis, axis_w, transposed):
    """(M, K, N) of the product; K is that of X."""
    rows, columns = as_matrix(W.shape, axis_w)
    return *as_matrix(X.shape, axis), columns if transposed else rows


def _check_weights(X, W, axis, axis_w, transposed):
    canonical_axis("axis", axis, X.ndim)
    canonical_axis("axis_w", axis_w, W.ndim)
    found = as_matrix(W.shape, axis_w)[0 if transposed else 1]
    side = "rows" if transposed else "columns"
    equal(f"{side} of W, flattened at axis_w, must equal columns of X, flattened at axis",
          as_matrix(X.shape, axis)[1], found)  # fmt: skip


def _infer(transposed):
    def infer(X, W, b, *, axis, axis_w, float16_compute):
        same_dtype(X=X, W=W, b=b)
        _check_weights(X, W, axis, axis_w, transposed)
        N = _sizes(X, W, axis, axis_w, transposed)[2]
        rank("b", b, 1)
        equal("b must have one element per output of W", N, b.size)
        return TensorSpec((*X.shape[: axis % X.ndim], N), X.dtype)

    return infer


def _infer_gradient(transposed):
    def infer(X, W, dY, *, axis, axis_w, float16_compute):
        same_dtype(X=X, W=W, dY=dY)
        _check_weights(X, W, axis, axis_w, transposed)
        M, _, N = _sizes(X, W, axis, axis_w, transposed)
        equal("dY must have M * N elements", M * N, dY.size)
        return tuple(TensorSpec(shape, X.dtype) for shape in (W.shape, (N,), X.shape))

    return infer


def _cost(transposed):
    def cost(X, W, b, *, axis, axis_w, **_):
        M, K, N = _sizes(X, W, axis, axis_w, transposed)
        return M * N * (2 * K + 1)

    return cost


def _cost_gradient(transposed):
    def cost(X, W, dY, *, axis, axis_w, **_):
        M, K, N = _sizes(X, W, axis, axis_w, transposed)
        return M * N * (4 * K + 1)

    return cost


def _schemas(type_, weights, product, dW, dX, transposed):
    forward = OpSchema(
        type_,
        doc=f"""Y = {product} + b, with X flattened to (M, K) at axis and W to {weights} at axis_w.

        The axes of X before axis stay; one axis of N takes the place of the others. An empty batch gives an empty Y.
        """,
        inputs=[
            Tensor("X", "flattened to (M, K)", FLOAT),
            Tensor("W", f"weights, flattened to {weights}; dtype of X", FLOAT),
            Tensor("b", "bias (N,); dtype of X", FLOAT),
        ],
        outputs=[Tensor("Y", "shape of X up to axis, then N; dtype of X")],
        args=ARGS,
        infer=_infer(transposed),
        cost=_cost(transposed),
    )
    backward = OpSchema(
        f"{type_}Gradient",
        doc=f"""dW = {dW}, db = the sum of dY over rows, dX = {dX}.

        An empty batch gives dW = 0 and db = 0. With two outputs dX is left out.
        """,
        inputs=[
            Tensor("X", f"input of {type_}", FLOAT),
            Tensor("W", f"weights of {type_}", FLOAT),
            Tensor("dY", "M * N elements", FLOAT),
        ],
        outputs=[
            Tensor("dW", "shape of W"),
            Tensor("db", "(N,)"),
            Tensor("dX", "shape of X", optional=True),
        ],
        args=ARGS,
        infer=_infer_gradient(transposed),
        cost=_cost_gradient(transposed),
        gradient=NoGradient.FORBIDDEN,
    )
    return forward, backward


FC, FC_GRADIENT = _schemas("FC", "(N, K)", "X W^T", "dY^T X", "dY W", transposed=False)
FC_TRANSPOSED, FC_TRANSPOSED_GRADIENT = _schemas(
    "FCTransposed", "(K, N)", "X W", "X^T dY", "dY W^T", transposed=True
)


BLOCK = 64
NARROW = 32


class _Product:
    """X W + b with W of shape (K, N); all sizes are found once.

    A narrow product, such as the scores of classes, is added up in blocks of K. BLAS libraries add up hundreds of
    terms in one chain, which costs up to 14 ulp of a score; blocks cost little here, and round as a block does.
    """

    transposed = False

    def __init__(self, xp, X, W, b, *, axis, axis_w, float16_compute):
        self.xp = xp
        self.x, self.w = as_matrix(X.shape, axis), as_matrix(W.shape, axis_w)
        self.y = (self.x[0], b.size)
        self.shape = (*X.shape[: axis % X.ndim], b.size)
        K = self.x[1]
        self.block = BLOCK if b.size <= NARROW and K > BLOCK else max(K, 1)
        self.term = xp.empty(self.y if self.block < K else 0, X.dtype)

    def __call__(self, X, W, b, out=None):
        if out is None:
            out = self.xp.empty(self.shape, X.dtype)
        Y, X2, W2 = out.reshape(self.y), X.reshape(self.x), W.reshape(self.w)
        if not self.transposed:
            W2 = W2.T
        self.xp.matmul(X2[:, : self.block], W2[: self.block], out=Y)
        for k in range(self.block, len(W2), self.block):
            self.xp.matmul(X2[:, k : k + self.block], W2[k : k + self.block], out=self.term)
            self.xp.add(Y, self.term, out=Y)
        self.xp.add(Y, b, out=Y)
        return out


@kernel(FC)
class FullyConnected(_Product):
    pass


@kernel(FC_TRANSPOSED)
class FullyConnectedTransposed(_Product):
    transposed = True


@kernel(FC_GRADIENT)
def fc_gradient(xp, X, W, dY, *, axis, axis_w, float16_compute, n_outputs, out=None):
    W2 = W.reshape(as_matrix(W.shape, axis_w))
    X2, dY2 = _matrices(X, dY, axis, N=W2.shape[0])
    dW, db, dX = _outputs(xp, X, W, dY2, n_outputs, out)
    xp.matmul(dY2.T, X2, out=dW.reshape(W2.shape))
    return _finish(xp, dW, db, dX, dY2, W2)


@kernel(FC_TRANSPOSED_GRADIENT)
def fc_transposed_gradient(xp, X, W, dY, *, axis, axis_w, float16_compute, n_outputs, out=None):
    W2 = W.reshape(as_matrix(W.shape, axis_w))
    X2, dY2 = _matrices(X, dY, axis, N=W2.shape[1])
    dW, db, dX = _outputs(xp, X, W, dY2, n_outputs, out)
    xp.matmul(X2.T, dY2, out=dW.reshape(W2.shape))
    return _finish(xp, dW, db, dX, dY2, W2.T)


def _matrices(X, dY, axis, N):
    M, K = as_matrix(X.shape, axis)
    return X.reshape(M, K), dY.reshape(M, N)


def _outputs(xp, X, W, dY2, n_outputs, out):
    if out is None:
        shapes = (W.shape, dY2.shape[1:], X.shape)[:n_outputs]
        out = tuple(xp.empty(shape, X.dtype) for shape in shapes)
    return (*out, None)[:3]


def _finish(xp, dW, db, dX, dY2, W2):
    """db and, where asked for, dX = dY W2 with W2 of shape (N, K)."""
    xp.sum(dY2, axis=0, out=db)
    if dX is None:
        return dW, db
    xp.matmul(dY2, W2, out=dX.reshape(len(dY2), W2.shape[1]))
    return dW, db, dX


@gradient(FC, FC_TRANSPOSED)
def fc_gradient_maker(g):
    type_ = f"{g.op_def.type}Gradient"
    return [g.op(type_, [g.I("X"), g.I("W"), g.GO("Y")], [g.GI("W"), g.GI("b"), g.GI("X")])]


# (shape of X, shape of W, shape of Y, args); W for FC, and with its matrix transposed for FCTransposed
_SHAPES = [
    ((2, 3), (4, 3), (2, 4), {}),
    ((0, 3), (4, 3), (0, 4), {}),
    ((3, 1), (1, 1), (3, 1), {"float16_compute": True}),
    ((2, 3, 2, 2), (5, 12), (2, 5), {}),
    ((2, 3, 4), (5, 4), (2, 3, 5), {"axis": 2}),
    ((2, 3, 4), (5, 4), (2, 3, 5), {"axis": -1}),
    ((2, 6), (2, 2, 2, 3), (2, 4), {"axis_w": 2}),
    ((3,), (2, 3), (2,), {"axis": 0}),
    ((2, 141), (3, 141), (2, 3), {}),  # three blocks of K
]


def _random(rng, *shapes):
    return [rng.standard_normal(shape) for shape in shapes]


@cases(FC)
def fc_cases(rng):
    for x, w, y, args in _SHAPES:
        X, W, b = _random(rng, x, w, y[-1])
        Y = np.einsum("mk,nk->mn", X.reshape(-1, W.size // b.size), W.reshape(b.size, -1)) + b
        yield Case({"X": X, "W": W, "b": b}, args, expect={"Y": Y.reshape(y)})


@cases(FC_TRANSPOSED)
def fc_transposed_cases(rng):
    for x, w, y, args in [*_SHAPES[:6], _SHAPES[-1], ((2, 6), (2, 3, 2, 2), (2, 4), {"axis_w": 2})]:
        W = rng.standard_normal(w if "axis_w" in args else w[::-1])
        X, b = _random(rng, x, y[-1])
        Y = np.einsum("mk,kn->mn", X.reshape(-1, W.size // b.size), W.reshape(-1, b.size)) + b
        yield Case({"X": X, "W": W, "b": b}, args, expect={"Y": Y.reshape(y)})


@cases(FC_GRADIENT)
def fc_gradient_cases(rng):
    for x, w, y, args in _SHAPES:
        X, W, dY = _random(rng, x, w, y)
        N = y[-1]
        K = W.size // N
        dW = sum(
            (np.outer(d, v) for d, v in zip(dY.reshape(-1, N), X.reshape(-1, K))), np.zeros((N, K))
        )
        expect = {
            "dW": dW.reshape(w),
            "db": dY.reshape(-1, N).sum(0),
            "dX": np.einsum("mn,nk->mk", dY.reshape(-1, N), W.reshape(N, K)).reshape(x),
        }
        yield Case({"X": X, "W": W, "dY": dY}, args, expect=expect)
    del expect["dX"]
    yield Case({"X": X, "W": W, "dY": dY}, args, expect=expect, outputs=2, id="without dX")


@cases(FC_TRANSPOSED_GRADIENT)
def fc_transposed_gradient_cases(rng):
    for M in (0, 1, 3):
        X, W, dY = _random(rng, (M, 2, 2), (4, 3), (M, 3))
        expect = {
            "dW": np.einsum("mk,mn->kn", X.reshape(M, 4), dY),
            "db": np.ones(M) @ dY,
            "dX": np.einsum("mn,kn->mk", dY, W).reshape(X.shape),
        }
        yield Case({"X": X, "W": W, "dY": dY}, expect=expect)
