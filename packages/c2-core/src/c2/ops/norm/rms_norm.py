"""RMSNorm and its gradient."""

from math import prod

import numpy as np

from c2.ops.norm.layer_norm import AXIS, require_row, split_at
from c2.registry import (
    Arg,
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

EPS = Arg("eps", float, default=0.0, minimum=0, doc="added to the mean square")


def infer_rms_norm(X, gamma, beta, *, axis, eps):
    axis, _, columns = split_at(X, axis)
    require(columns > 0, "a row must have elements", "sizes >= 1", X.shape[axis:])
    require_row(X, columns, gamma=gamma, beta=beta)
    return TensorSpec(X.shape, X.dtype), TensorSpec(X.shape[:axis], X.dtype)


def infer_rms_norm_gradient(dY, X, gamma, rrms, *, axis, eps):
    axis, _, columns = split_at(X, axis)
    require(dY.shape == X.shape, "dY must have the shape of X", X.shape, dY.shape)
    require_row(X, columns, gamma=gamma)
    require(
        rrms.shape == X.shape[:axis],
        "rrms must have one element per row",
        X.shape[:axis],
        rrms.shape,
    )
    return TensorSpec(X.shape, X.dtype), *(TensorSpec(gamma.shape, X.dtype),) * 2


RMS_NORM = OpSchema(
    "RMSNorm",
    doc="""output = input * rrms * gamma + beta, rrms = 1 / sqrt(mean of input ^ 2 + eps) of each row.

    A row is all axes from `axis` on. A row of zeros gives NaN unless eps is positive. No rows give no rrms.

    Source: Zhang & Sennrich, "Root mean square layer normalization", 2019.

    Differs from Caffe2: float16 is taken too.
    """,
    inputs=[
        Tensor("input", "any shape", FLOAT),
        Tensor("gamma", "as many elements as a row", FLOAT),
        Tensor("beta", "as many elements as a row", FLOAT),
    ],
    outputs=[Tensor("output", "shape of input"), Tensor("rrms", "(...rows)")],
    args=[AXIS, EPS],
    infer=infer_rms_norm,
)

RMS_NORM_GRADIENT = OpSchema(
    "RMSNormGradient",
    doc="""With Z = X * rrms, D = dY * gamma and n elements per row: dX = rrms * (D - Z * sum(D * Z) / n), the sum over
    the row; dgamma = sum of dY * Z and dbeta = sum of dY over the rows.
    """,
    inputs=[
        Tensor("dY", "shape of X", FLOAT),
        Tensor("X", "RMSNorm's input", FLOAT),
        Tensor("gamma", "as many elements as a row", FLOAT),
        Tensor("rrms", "(...rows)", FLOAT),
    ],
    outputs=[
        Tensor("dX", "shape of X"),
        Tensor("dgamma", "shape of gamma"),
        Tensor("dbeta", "shape of gamma"),
    ],
    args=[AXIS, EPS],
    infer=infer_rms_norm_gradient,
    gradient=NoGradient.FORBIDDEN,
)


def _matrix(X, axis):
    axis %= X.ndim
    return X.reshape(prod(X.shape[:axis]), prod(X.shape[axis:]))


@kernel(RMS_NORM)
def rms_norm(xp, X, gamma, beta, *, axis, eps, out=None):
    if out is None:
        out = (xp.empty_like(X), xp.empty(X.shape[: axis % X.ndim], X.dtype))
    Y, rrms = out
    x, y = _matrix(X, axis), _matrix(Y, axis)
    square = xp.einsum("ri,ri->r", x, x) * X.dtype.type(1 / x.shape[1]) + X.dtype.type(eps)
    rrms[...] = (1 / xp.sqrt(square)).reshape(rrms.shape)
    xp.multiply(x, rrms.reshape(-1, 1), out=y)
    xp.multiply(y, gamma.reshape(-1), out=y)
    xp.add(y, beta.reshape(-1), out=y)
    return out


@kernel(RMS_NORM_GRADIENT)
def rms_norm_gradient(xp, dY, X, gamma, rrms, *, axis, eps, out=None):
    dX, dgamma, dbeta = tuple(map(xp.empty_like, (X, gamma, gamma))) if out is None else out
    dy, dx, r = _matrix(dY, axis), _matrix(dX, axis), rrms.reshape(-1, 1)
    z = xp.multiply(_matrix(X, axis), r, out=dx)
    dgamma[...] = xp.einsum("ri,ri->i", dy, z).reshape(gamma.shape)
    dbeta[...] = xp.sum(dy, axis=0).reshape(gamma.shape)
    d = dy * gamma.reshape(-1)
    along = xp.einsum("ri,ri->r", d, z) * X.dtype.type(1 / dx.shape[1])
    xp.multiply(z, -along[:, None], out=dx)
    xp.add(dx, d, out=dx)
    xp.multiply(dx, r, out=dx)
    return dX, dgamma, dbeta


@gradient(RMS_NORM)
def rms_norm_gradient_maker(g):
    inputs = [g.GO("output"), g.I("input"), g.I("gamma"), g.O("rrms")]
    return [g.op("RMSNormGradient", inputs, [g.GI("input"), g.GI("gamma"), g.GI("beta")])]


def _examples(rng):
    for shape, axis in [((4,), 0), ((3, 4), 1), ((2, 3, 2), 1), ((2, 3, 2), -1), ((2, 3, 2), 0)]:
        X, row = rng.standard_normal(shape), shape[axis % len(shape) :]
        over = tuple(range(axis % len(shape), len(shape)))
        rrms = 1 / (
            np.linalg.norm(X.reshape(*shape[: axis % len(shape)], -1), axis=-1) / np.sqrt(prod(row))
        )
        yield (
            X,
            rng.uniform(0.5, 2, row),
            rng.standard_normal(row),
            axis,
            rrms,
            np.expand_dims(rrms, over),
        )


@cases(RMS_NORM)
def rms_norm_cases(rng):
    for X, gamma, beta, axis, rrms, wide in _examples(rng):
        inputs = {"input": X, "gamma": gamma, "beta": beta}
        yield Case(
            inputs, {"axis": axis}, {"output": X * wide * gamma + beta, "rrms": rrms}, grad=()
        )
        eps = (rrms**-2 + 0.5) ** -0.5
        yield Case(inputs, {"axis": axis, "eps": 0.5}, {"rrms": eps}, outputs=2, grad=())
    gamma = np.ones(3)
    none = {"input": np.zeros((0, 3)), "gamma": gamma, "beta": gamma}
    yield Case(none, {}, {"output": np.zeros((0, 3)), "rrms": np.zeros(0)}, grad=())


@cases(RMS_NORM_GRADIENT)
def rms_norm_gradient_cases(rng):
    for X, gamma, _, axis, rrms, wide in _examples(rng):
        dY, n = rng.standard_normal(X.shape), gamma.size
        z = (X * wide).reshape(-1, n)
        J = (np.eye(n) - z[:, :, None] * z[:, None, :] / n) * rrms.reshape(-1, 1, 1)
        dX = np.einsum("rij,rj->ri", J, (dY * gamma).reshape(-1, n)).reshape(X.shape)
        rows = tuple(range(X.ndim - gamma.ndim))
        expected = {"dX": dX, "dgamma": (dY * X * wide).sum(rows), "dbeta": dY.sum(rows)}
        yield Case({"dY": dY, "X": X, "gamma": gamma, "rrms": rrms}, {"axis": axis}, expected)
