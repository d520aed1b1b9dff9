"""IntegralImage (a summed-area table) and its gradient."""

import numpy as np

from c2.registry import (
    Case,
    NoGradient,
    OpSchema,
    Tensor,
    TensorSpec,
    cases,
    gradient,
    kernel,
    require,
)
from c2.registry.spec import FLOAT


def infer_integral_image(X):
    require(X.ndim == 4, "X must have four axes", 4, X.ndim)
    N, C, H, W = X.shape
    return TensorSpec((N, C, H + 1, W + 1), X.dtype)


def infer_integral_image_gradient(X, dY):
    expected = infer_integral_image(X).shape
    require(dY.shape == expected, "dY must have the shape of IntegralImage(X)", expected, dY.shape)
    require(dY.dtype == X.dtype, "dY and X must have one dtype", X.dtype, dY.dtype)
    return TensorSpec(X.shape, X.dtype)


INTEGRAL_IMAGE = OpSchema(
    "IntegralImage",
    doc="""Y[n, c, y, x] = sum of X[n, c, j, i] over j < y, i < x. Row 0 and column 0 are zero.

    The sum over any box is then a combination of its four corners.

    Source: Crow, "Summed-area tables for texture mapping", 1984.

    Differs from Caffe2: float16 and float64 are taken too.
    """,
    inputs=[Tensor("X", "(N, C, H, W)", FLOAT)],
    outputs=[Tensor("Y", "(N, C, H + 1, W + 1)")],
    infer=infer_integral_image,
)

INTEGRAL_IMAGE_GRADIENT = OpSchema(
    "IntegralImageGradient",
    doc="""dX[n, c, y, x] = sum of dY[n, c, j, i] over j <= y, i <= x.

    This is what Caffe2 computes, and models rely on its recorded values; it is not the derivative of IntegralImage,
    which would sum over j > y, i > x.
    """,
    inputs=[
        Tensor("X", "(N, C, H, W), what was summed", FLOAT),
        Tensor("dY", "(N, C, H + 1, W + 1)", FLOAT),
    ],
    outputs=[Tensor("dX", "shape of X")],
    infer=infer_integral_image_gradient,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(INTEGRAL_IMAGE)
def integral_image(xp, X, *, out=None):
    N, C, H, W = X.shape
    Y = xp.empty((N, C, H + 1, W + 1), X.dtype) if out is None else out
    Y[:, :, 0, :], Y[:, :, :, 0] = 0, 0
    inner = Y[:, :, 1:, 1:]
    inner[...] = xp.cumsum(xp.cumsum(X, axis=2), axis=3)
    return Y


@kernel(INTEGRAL_IMAGE_GRADIENT)
def integral_image_gradient(xp, X, dY, *, out=None):
    dX = xp.empty_like(X) if out is None else out
    dX[...] = xp.cumsum(xp.cumsum(dY[:, :, :-1, :-1], axis=2), axis=3)
    return dX


@gradient(INTEGRAL_IMAGE)
def integral_image_gradient_maker(g):
    return [g.op("IntegralImageGradient", [g.I("X"), g.GO("Y")], [g.GI("X")])]


def _boxes(X, H, W, before):
    """Sums over the boxes that end before, or with, each element."""
    Y = np.zeros((*X.shape[:2], H, W))
    for y in range(H):
        for x in range(W):
            Y[:, :, y, x] = X[:, :, : y + 1 - before, : x + 1 - before].sum((2, 3))
    return Y


@cases(INTEGRAL_IMAGE)
def integral_image_cases(rng):
    for shape in [(1, 1, 1, 1), (2, 3, 4, 5), (0, 2, 3, 3), (1, 2, 0, 3)]:
        X = rng.standard_normal(shape)
        Y = _boxes(X, shape[2] + 1, shape[3] + 1, 1)
        yield Case({"X": X}, {}, {"Y": Y}, grad=())  # Caffe2's gradient is not the derivative


@cases(INTEGRAL_IMAGE_GRADIENT)
def integral_image_gradient_cases(rng):
    for shape in [(1, 1, 1, 1), (2, 3, 4, 5), (0, 2, 3, 3)]:
        X, dY = (
            rng.standard_normal(shape),
            rng.standard_normal((*shape[:2], shape[2] + 1, shape[3] + 1)),
        )
        yield Case({"X": X, "dY": dY}, {}, {"dX": _boxes(dY, shape[2], shape[3], 0)})
