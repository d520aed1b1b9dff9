"""LayerNorm and its gradient."""

from math import prod

import numpy as np

from c2.ops.norm.group_norm import EPSILON
from c2.ops.norm.standardize import centre, standardize_gradient, standardized
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

AXIS = Arg("axis", int, default=1, doc="first axis that is normalized; negative: from the end")
AFFINE = Arg("elementwise_affine", bool, default=False, doc="1: scale by gamma and shift by beta")


def split_at(X, axis):
    """Rows and columns of X seen as a matrix that begins its rows at the axis; the axis counted from the front."""
    require(
        -X.ndim <= axis < X.ndim, "axis must be an axis of X", f"-{X.ndim} .. {X.ndim - 1}", axis
    )
    axis %= X.ndim
    return axis, prod(X.shape[:axis]), prod(X.shape[axis:])


def require_row(X, columns, **vectors):
    """Each of the vectors must have as many elements as a row, and the dtype of X."""
    for name, spec in vectors.items():
        require(
            spec.size == columns,
            f"{name} must have an element per element of a row",
            columns,
            spec.size,
        )
        require(spec.dtype == X.dtype, f"{name} and X must have one dtype", X.dtype, spec.dtype)


def infer_layer_norm(X, gamma=None, beta=None, *, axis, epsilon, elementwise_affine):
    require(X.ndim >= 2, "X must have two axes or more", "ndim >= 2", X.ndim)
    axis, _, columns = split_at(X, axis)
    require(columns > 0, "a row must have elements", "sizes >= 1", X.shape[axis:])
    if elementwise_affine:
        require(
            beta is not None,
            "elementwise_affine=1 takes gamma and beta",
            "3 inputs",
            1 if gamma is None else 2,
        )
        require_row(X, columns, gamma=gamma, beta=beta)
    moments = TensorSpec((*X.shape[:axis], 1), X.dtype)
    return TensorSpec(X.shape, X.dtype), moments, moments


def infer_layer_norm_gradient(
    dY, Y, mean, stddev, X, gamma=None, *, axis, epsilon, elementwise_affine
):
    axis, rows, columns = split_at(X, axis)
    require(dY.shape == X.shape, "dY must have the shape of X", X.shape, dY.shape)
    for name, spec in (("mean", mean), ("stddev", stddev)):
        require(spec.size == rows, f"{name} must have one element per row", rows, spec.size)
    if not elementwise_affine:
        return TensorSpec(X.shape, X.dtype)
    require(gamma is not None, "elementwise_affine=1 takes gamma", "6 inputs", 5)
    require_row(X, columns, gamma=gamma)
    return TensorSpec(X.shape, X.dtype), *(TensorSpec(gamma.shape, X.dtype),) * 2


LAYER_NORM = OpSchema(
    "LayerNorm",
    doc="""output = (input - mean) / stddev, with the moments of each row: all axes from `axis` on.

    stddev = sqrt(variance + epsilon). With elementwise_affine=1 the output is multiplied by gamma and beta is
    added, one element per element of a row; else both are ignored. No rows give no moments.

    Source: Ba, Kiros & Hinton, "Layer normalization", 2016.

    Differs from Caffe2: float16 is taken too.
    """,
    inputs=[
        Tensor("input", "two axes or more", FLOAT),
        Tensor("gamma", "as many elements as a row", FLOAT, optional=True),
        Tensor("beta", "as many elements as a row", FLOAT, optional=True),
    ],
    outputs=[
        Tensor("output", "shape of input"),
        Tensor("mean", "(...rows, 1)"),
        Tensor("stddev", "(...rows, 1)"),
    ],
    args=[AXIS, EPSILON, AFFINE],
    infer=infer_layer_norm,
)

LAYER_NORM_GRADIENT = OpSchema(
    "LayerNormGradient",
    doc="""With Z = (X - mean) / stddev, D = dY * gamma and n elements per row:
    dX = (D - sum(D) / n - Z * sum(D * Z) / n) / stddev, sums over the row; with elementwise_affine=1 also
    dgamma = sum of dY * Z and dbeta = sum of dY over the rows.

    Differs from Caffe2: float16 and float64 are taken too.
    """,
    inputs=[
        Tensor("dY", "shape of X", FLOAT),
        Tensor("Y", "LayerNorm's output", FLOAT),
        Tensor("mean", "(...rows, 1)", FLOAT),
        Tensor("stddev", "(...rows, 1)", FLOAT),
        Tensor("X", "LayerNorm's input", FLOAT),
        Tensor("gamma", "as many elements as a row", FLOAT, optional=True),
    ],
    outputs=[
        Tensor("dX", "shape of X"),
        Tensor("dgamma", "shape of gamma", optional=True),
        Tensor("dbeta", "shape of gamma", optional=True),
    ],
    args=[AXIS, EPSILON, AFFINE],
    infer=infer_layer_norm_gradient,
    gradient=NoGradient.FORBIDDEN,
)


def _rows(X, axis):
    axis %= X.ndim
    return X.reshape(prod(X.shape[:axis]), 1, prod(X.shape[axis:]))


@kernel(LAYER_NORM)
def layer_norm(xp, X, gamma=None, beta=None, *, axis, epsilon, elementwise_affine, out=None):
    shape = (*X.shape[: axis % X.ndim], 1)
    if out is None:
        out = (xp.empty_like(X), xp.empty(shape, X.dtype), xp.empty(shape, X.dtype))
    Y, mean, stddev = out
    y = _rows(Y, axis)
    found, r = centre(xp, _rows(X, axis), epsilon, y)
    xp.multiply(y, r[:, None, None], out=y)
    mean[...], stddev[...] = found.reshape(shape), (1 / r).reshape(shape)
    if elementwise_affine:
        xp.multiply(y, gamma.reshape(-1), out=y)
        xp.add(y, beta.reshape(-1), out=y)
    return out


@kernel(LAYER_NORM_GRADIENT)
def layer_norm_gradient(
    xp, dY, Y, mean, stddev, X, gamma=None, *, axis, epsilon, elementwise_affine, out=None
):
    if out is None:
        like = (X, gamma, gamma) if elementwise_affine else (X,)
        out = tuple(map(xp.empty_like, like))
    outs = out if isinstance(out, tuple) else (out,)
    dy, dx, r = _rows(dY, axis), _rows(outs[0], axis), 1 / stddev.reshape(-1)
    z = standardized(xp, _rows(X, axis), mean.reshape(-1), r, dx)
    if elementwise_affine:
        outs[1][...] = xp.einsum("rij,rij->j", dy, z).reshape(gamma.shape)
        outs[2][...] = xp.sum(dy, axis=(0, 1)).reshape(gamma.shape)
        dy = dy * gamma.reshape(-1)
    standardize_gradient(xp, dy, z, r, dx)
    return outs


@gradient(LAYER_NORM)
def layer_norm_gradient_maker(g):
    inputs = [g.GO("output"), g.O("output"), g.O("mean"), g.O("stddev"), g.I("input")]
    outputs = [g.GI("input")]
    if g.args["elementwise_affine"]:
        inputs.append(g.I("gamma"))
        outputs += [g.GI("gamma"), g.GI("beta")]
    return [g.op("LayerNormGradient", inputs, outputs)]


def _examples(rng):
    for shape, axis in [
        ((3, 4), 1),
        ((2, 3, 5), 1),
        ((2, 3, 5), 2),
        ((2, 3, 5), -1),
        ((2, 3, 5), 0),
    ]:
        X = rng.standard_normal(shape)
        rows, row = shape[: axis % len(shape)], shape[axis % len(shape) :]
        matrix = X.reshape(*rows, prod(row))
        mean = matrix.mean(-1, keepdims=True)
        stddev = np.sqrt((matrix**2).mean(-1, keepdims=True) - mean**2 + 1e-5)
        Z = ((matrix - mean) / stddev).reshape(shape)
        yield X, axis, row, Z, mean, stddev


@cases(LAYER_NORM)
def layer_norm_cases(rng):
    for X, axis, row, Z, mean, stddev in _examples(rng):
        moments = {"mean": mean, "stddev": stddev}
        yield Case({"input": X}, {"axis": axis}, {"output": Z, **moments}, grad=())
        gamma, beta = rng.uniform(0.5, 2, row), rng.standard_normal(row)
        inputs = {"input": X, "gamma": gamma, "beta": beta}
        yield Case(inputs, {"axis": axis}, {"output": Z, **moments}, grad=())
        expected = {"output": Z * gamma + beta, **moments}
        yield Case(inputs, {"axis": axis, "elementwise_affine": 1}, expected, grad=())
    yield Case(
        {"input": np.zeros((0, 3))},
        {},
        {"output": np.zeros((0, 3)), "mean": np.zeros((0, 1))},
        grad=(),
    )


@cases(LAYER_NORM_GRADIENT)
def layer_norm_gradient_cases(rng):
    for X, axis, row, Z, mean, stddev in _examples(rng):
        dY, gamma, n = rng.standard_normal(X.shape), rng.uniform(0.5, 2, row), prod(row)
        inputs = {"dY": dY, "Y": Z, "mean": mean, "stddev": stddev, "X": X}
        over = tuple(range(X.ndim - len(row)))
        dX = _backward(dY, Z, stddev, n)
        yield Case(inputs, {"axis": axis}, {"dX": dX}, outputs=1)
        dX, dgamma = _backward(dY * gamma, Z, stddev, n), (dY * Z).sum(over)
        expected = {"dX": dX, "dgamma": dgamma, "dbeta": dY.sum(over)}
        yield Case({**inputs, "gamma": gamma}, {"axis": axis, "elementwise_affine": 1}, expected)


def _backward(D, Z, stddev, n):
    """By the Jacobian of each row."""
    z = Z.reshape(-1, n)
    J = (np.eye(n) - 1 / n - z[:, :, None] * z[:, None, :] / n) / stddev.reshape(-1, 1, 1)
    return np.einsum("rij,rj->ri", J, D.reshape(-1, n)).reshape(Z.shape)
