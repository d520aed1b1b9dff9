"""DotProductWithPadding: inner products of rows of different lengths, and its gradient."""

import numpy as np

from c2.ops.linear.flatten import as_rows
from c2.ops.linear.row_pairs import row_products
from c2.ops.rules import equal, rank, same_dtype
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

ARGS = [
    Arg("pad_value", float, default=0.0, doc="what the shorter rows are padded with"),
    Arg("replicate", bool, default=False, doc="repeat the shorter rows instead of padding them"),
]


def _check(X, Y, replicate):
    same_dtype(X=X, Y=Y)
    require(X.ndim > 0, "X must have one axis or more", "1 or more", 0)
    equal("Y must have as many axes as X", X.ndim, Y.ndim)
    equal("Y must have as many rows as X", X.shape[0], Y.shape[0])
    short, long = sorted((as_rows(X.shape)[1], as_rows(Y.shape)[1]))
    fits = short > 0 and long % short == 0
    require(
        fits or not replicate,
        "with replicate, one row length must divide the other",
        f"{short} k",
        long,
    )


def _infer(X, Y, *, pad_value, replicate):
    _check(X, Y, replicate)
    return TensorSpec((X.shape[0],), X.dtype)


def _infer_gradient(X, Y, dZ, *, pad_value, replicate):
    _check(X, Y, replicate)
    same_dtype(X=X, dZ=dZ)
    rank("dZ", dZ, 1)
    equal("dZ must have one element per row of X", X.shape[0], dZ.size)
    return TensorSpec(X.shape, X.dtype), TensorSpec(Y.shape, Y.dtype)


X = Tensor("X", "(N, ...), flattened to (N, D1)", FLOAT)
Y = Tensor("Y", "(N, ...), flattened to (N, D2); dtype of X", FLOAT)
DOT_PRODUCT_WITH_PADDING = OpSchema(
    "DotProductWithPadding",
    doc="""Z[n] = <X[n], Y[n]>, the shorter of both rows padded with pad_value, or repeated where replicate.

    Rows of equal length make it DotProduct.
    """,
    inputs=[X, Y],
    outputs=[Tensor("Z", "(N,); dtype of X")],
    args=ARGS,
    infer=_infer,
)
DOT_PRODUCT_WITH_PADDING_GRADIENT = OpSchema(
    "DotProductWithPaddingGradient",
    doc="dX[n] = dZ[n] * Y[n] and dY[n] = dZ[n] * X[n], with padded rows; repeats of a row add up.",
    inputs=[X, Y, Tensor("dZ", "(N,); dtype of X", FLOAT)],
    outputs=[Tensor("dX", "shape of X"), Tensor("dY", "shape of Y")],
    args=ARGS,
    infer=_infer_gradient,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(DOT_PRODUCT_WITH_PADDING)
def dot_product_with_padding(xp, X, Y, *, pad_value, replicate, out=None):
    X, Y = X.reshape(as_rows(X.shape)), Y.reshape(as_rows(Y.shape))
    long, short = (X, Y) if X.shape[1] >= Y.shape[1] else (Y, X)
    if replicate:
        return row_products(xp, _folded(long, short).sum(axis=1), short, out)
    D = short.shape[1]
    Z = row_products(xp, long[:, :D], short, out)
    return xp.add(Z, pad_value * long[:, D:].sum(axis=1), out=Z)


def _folded(long, short):
    """(N, repeats, D) of the longer rows."""
    return long.reshape(len(long), -1, short.shape[1])


@kernel(DOT_PRODUCT_WITH_PADDING_GRADIENT)
def dot_product_with_padding_gradient(xp, X, Y, dZ, *, pad_value, replicate, out=None):
    if out is None:
        out = xp.empty(X.shape, X.dtype), xp.empty(Y.shape, Y.dtype)
    pairs = [
        (A.reshape(as_rows(A.shape)), dA.reshape(as_rows(A.shape))) for A, dA in zip((X, Y), out)
    ]
    longer = pairs[0][0].shape[1] >= pairs[1][0].shape[1]
    (long, dlong), (short, dshort) = pairs if longer else reversed(pairs)
    dZ, D = dZ[:, None], short.shape[1]
    if replicate:
        dshort[...] = _folded(long, short).sum(axis=1) * dZ
        _folded(dlong, short)[...] = (short * dZ)[:, None]
    else:
        xp.multiply(long[:, :D], dZ, out=dshort)
        dlong[:, :D] = short * dZ
        dlong[:, D:] = pad_value * dZ
    return out


@gradient(DOT_PRODUCT_WITH_PADDING)
def dot_product_with_padding_gradient_maker(g):
    inputs, outputs = [g.I("X"), g.I("Y"), g.GO("Z")], [g.GI("X"), g.GI("Y")]
    args = {"pad_value": g.args["pad_value"], "replicate": int(g.args["replicate"])}
    return [g.op("DotProductWithPaddingGradient", inputs, outputs, copy_args=False, **args)]


def _pairs(rng):
    """(X, Y, args, X padded, Y padded)."""
    for dx, dy in [(4, 2), (3, 6), (3, 3)]:
        X, Y = rng.standard_normal((2, dx)), rng.standard_normal((2, dy))
        D = max(dx, dy)
        padded = [np.pad(A, ((0, 0), (0, D - A.shape[1])), constant_values=1.5) for A in (X, Y)]
        yield X, Y, {"pad_value": 1.5}, *padded
        yield X, Y, {"replicate": 1}, np.tile(X, D // dx), np.tile(Y, D // dy)


@cases(DOT_PRODUCT_WITH_PADDING)
def dot_product_with_padding_cases(rng):
    for X, Y, args, A, B in _pairs(rng):
        yield Case({"X": X, "Y": Y}, args, expect={"Z": (A * B).sum(1)})
    empty = {"X": np.zeros((0, 3)), "Y": np.zeros((0, 2))}
    yield Case(empty, expect={"Z": np.zeros(0)}, id="empty")


@cases(DOT_PRODUCT_WITH_PADDING_GRADIENT)
def dot_product_with_padding_gradient_cases(rng):
    for X, Y, args, A, B in _pairs(rng):
        dZ = rng.standard_normal(2)
        dA, dB = np.diag(dZ) @ B, np.diag(dZ) @ A
        if "replicate" in args:
            dX, dY = (sum(np.split(d, d.shape[1] // V.shape[1], 1)) for d, V in ((dA, X), (dB, Y)))
        else:
            dX, dY = dA[:, : X.shape[1]], dB[:, : Y.shape[1]]
        yield Case({"X": X, "Y": Y, "dZ": dZ}, args, expect={"dX": dX, "dY": dY})
