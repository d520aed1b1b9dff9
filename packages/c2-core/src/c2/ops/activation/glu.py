"""Glu, the gated linear unit."""

import numpy as np

from c2.ops.activation.sigmoid import sigmoid
from c2.ops.rules import canonical_axis
from c2.registry import Arg, Case, NoGradient, OpSchema, Tensor, cases, kernel, require
from c2.registry.spec import FLOAT


def infer(X, *, dim):
    require(X.ndim >= 1, "X must have at least 1 axis", ">= 1", X.ndim)
    axis = canonical_axis("dim", dim, X.ndim)
    length = X.shape[axis]
    require(
        length % 2 == 0,
        f"axis {axis} of X must have an even length, to be halved",
        "an even length",
        length,
    )
    return X.with_shape((*X.shape[:axis], length // 2, *X.shape[axis + 1 :]))


GLU = OpSchema(
    "Glu",
    doc="""Y = A * sigmoid(B), where A and B are the two halves of X along `dim`.

    Caffe2 has no gradient for it.

    Source: Dauphin, Fan, Auli & Grangier, "Language modeling with gated convolutional networks", 2016.
    """,
    inputs=[Tensor("X", "at least 1 axis", FLOAT)],
    outputs=[Tensor("Y", "shape of X, half as long along dim")],
    args=[
        Arg(
            "dim", int, default=-1, doc="the axis that is halved; negative ones count from the back"
        )
    ],
    infer=infer,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(GLU)
def glu(xp, X, *, dim, out=None):
    A, B = xp.split(X, 2, axis=dim)
    gate = sigmoid(xp, B, out=xp.empty(B.shape, X.dtype) if out is None else out)
    return xp.multiply(gate, A, out=gate)


@cases(GLU)
def glu_cases(rng):
    for shape, dim in (
        ((4,), -1),
        ((2, 6), -1),
        ((4, 3), 0),
        ((2, 4, 3), 1),
        ((2, 4, 3), -2),
        ((0, 4), 1),
    ):
        X = rng.uniform(-3, 3, shape)
        half = shape[dim] // 2
        A, B = X.take(range(half), dim), X.take(range(half, 2 * half), dim)
        yield Case({"X": X}, {"dim": dim}, expect={"Y": A * (1 + np.tanh(B / 2)) / 2})
    X = rng.uniform(-3, 3, (2, 4))
    yield Case({"X": X}, expect={"Y": X[:, :2] / (1 + np.exp(-X[:, 2:]))})
