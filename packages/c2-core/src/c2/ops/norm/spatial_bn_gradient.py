"""The gradient of SpatialBN, in training and in test mode."""

import numpy as np

from c2.ops.conv.geometry import ORDER
from c2.ops.norm.channels import (
    by_channel,
    channel_blocks,
    channels_of,
    column,
    require_per_channel,
)
from c2.ops.norm.spatial_bn import EPSILON, NUM_BATCHES, examples, last, normalized
from c2.registry import Arg, Case, NoGradient, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.spec import FLOAT

IS_TEST = Arg("is_test", bool, default=False, doc="1: the moments are constants, mean and variance")


def check_spatial_bn_gradient(n_inputs, n_outputs, args):
    if n_inputs not in (5, 7):
        return f"takes 5 inputs, or 7 with the sums of the parameters' gradients, got {n_inputs}"
    if args["num_batches"] > 1 and n_inputs != 7:
        return "num_batches above 1 takes the sums of the parameters' gradients"
    return None


def infer_spatial_bn_gradient(
    X,
    scale,
    dY,
    mean,
    rstd,
    dscale_sum=None,
    dbias_sum=None,
    *,
    is_test,
    epsilon,
    num_batches,
    order,
):
    C = channels_of(X, order)
    require(dY.shape == X.shape, "dY must have the shape of X", X.shape, dY.shape)
    require(dY.dtype == X.dtype, "dY and X must have one dtype", X.dtype, dY.dtype)
    vectors = {"scale": scale, "saved_mean": mean, "saved_var": rstd}
    require_per_channel(C, X.dtype, **vectors, dscale_sum=dscale_sum, dbias_sum=dbias_sum)
    return TensorSpec(X.shape, X.dtype), TensorSpec((C,), X.dtype), TensorSpec((C,), X.dtype)


SPATIAL_BN_GRADIENT = OpSchema(
    "SpatialBNGradient",
    doc="""With Z = (X - m) * r: dscale = sum of dY * Z, dbias = sum of dY, per channel, and
    dX = scale * r * (dY - dbias / n - Z * dscale / n), n elements per channel.

    Training: m, r are saved_mean and saved_var (the inverse standard deviation). With num_batches above 1 the
    parameters' gradients are the given sums over num_batches, and n counts this batch. is_test=1: m is the mean,
    r = 1 / sqrt(variance + epsilon), both constants, so dX = scale * r * dY. A batch of no images gives zeros.

    Differs from Caffe2, whose CPU takes the variance for r in test mode and differentiates as in training.
    """,
    inputs=[
        Tensor("X", "images that were normalized", FLOAT),
        Tensor("scale", "(C,)", FLOAT),
        Tensor("dY", "shape of X", FLOAT),
        Tensor("saved_mean", "(C,); is_test=1: the running mean", FLOAT),
        Tensor("saved_var", "(C,), 1 / standard deviation; is_test=1: the running variance", FLOAT),
        Tensor("dscale_sum", "(C,), over num_batches batches", FLOAT, optional=True),
        Tensor("dbias_sum", "(C,), over num_batches batches", FLOAT, optional=True),
    ],
    outputs=[Tensor("dX", "shape of X"), Tensor("dscale", "(C,)"), Tensor("dbias", "(C,)")],
    args=[IS_TEST, EPSILON, NUM_BATCHES, ORDER],
    infer=infer_spatial_bn_gradient,
    inplace={"dscale_sum": "dscale", "dbias_sum": "dbias"},
    gradient=NoGradient.FORBIDDEN,
    check=check_spatial_bn_gradient,
)


@kernel(SPATIAL_BN_GRADIENT)
def spatial_bn_gradient(
    xp, X, scale, dY, mean, rstd, dscale_sum=None, dbias_sum=None, *,
    is_test, epsilon, num_batches, order, out=None,
):  # fmt: skip
    dX, dscale, dbias = (
        (xp.empty_like(X), *map(xp.empty_like, (mean, mean))) if out is None else out
    )
    n = X.size // scale.size
    if n == 0:
        dscale[...], dbias[...] = 0, 0
        return dX, dscale, dbias
    if is_test:
        rstd = 1 / xp.sqrt(rstd + X.dtype.type(epsilon))
    scaled = X.dtype.type(1 / n), X.dtype.type(1 / num_batches)
    sums = None if num_batches == 1 else (dscale_sum, dbias_sum)
    x, dy, dx = by_channel(X, order), by_channel(dY, order), by_channel(dX, order)
    for c in channel_blocks(x, order):
        part, r, factor = dx[:, c], rstd[c], scale[c] * rstd[c]
        xp.subtract(x[:, c], column(xp, mean[c], x), out=part)
        if sums is None:
            xp.multiply(xp.einsum("bcp,bcp->c", dy[:, c], part), r, out=dscale[c])
            dbias[c] = xp.einsum("bcp->c", dy[:, c])
        else:
            for target, total in zip((dscale, dbias), sums):
                xp.multiply(total[c], scaled[1], out=target[c])
        if is_test:
            xp.multiply(dy[:, c], column(xp, factor, x), out=part)
            continue
        xp.multiply(part, column(xp, dscale[c] * r * -scaled[0], x), out=part)
        xp.add(part, dy[:, c], out=part)
        xp.subtract(part, column(xp, dbias[c] * scaled[0], x), out=part)
        xp.multiply(part, column(xp, factor, x), out=part)
    return dX, dscale, dbias


def _per_channel(values, like):
    return values.reshape(-1, *(1,) * (like.ndim - 2))


@cases(SPATIAL_BN_GRADIENT)
def spatial_bn_gradient_cases(rng):
    for X, scale, _, mean, var in examples(rng):
        dY, n = rng.standard_normal(X.shape), X.size / 4
        over = tuple(a for a in range(X.ndim) if a != 1)
        Z = normalized(X, mean, var)
        dscale, dbias, rstd = (dY * Z).sum(over), dY.sum(over), (var + 1e-5) ** -0.5
        inputs = {"X": X, "scale": scale, "dY": dY, "saved_mean": mean, "saved_var": rstd}
        factor = _per_channel(scale * rstd, X)
        dX = factor * (dY - (_per_channel(dbias, X) + Z * _per_channel(dscale, X)) / n)
        yield Case(inputs, {}, {"dX": dX, "dscale": dscale, "dbias": dbias})
        laid = {**inputs, "X": last(X), "dY": last(dY)}
        yield Case(laid, {"order": "NHWC"}, {"dX": last(dX), "dscale": dscale, "dbias": dbias})
        test = {**inputs, "saved_var": var}
        yield Case(test, {"is_test": 1}, {"dX": factor * dY, "dscale": dscale, "dbias": dbias})
        sums = {"dscale_sum": rng.standard_normal(4), "dbias_sum": rng.standard_normal(4)}
        mean_scale, mean_bias = sums["dscale_sum"] / 3, sums["dbias_sum"] / 3
        dX = factor * (dY - (_per_channel(mean_bias, X) + Z * _per_channel(mean_scale, X)) / n)
        expected = {"dX": dX, "dscale": mean_scale, "dbias": mean_bias}
        yield Case({**inputs, **sums}, {"num_batches": 3}, expected)
    zeros = {"dX": X[:0], "dscale": np.zeros(4), "dbias": np.zeros(4)}
    yield Case({**inputs, "X": X[:0], "dY": dY[:0]}, {}, zeros)
