"""SpatialBN: batch normalization per channel."""

import numpy as np

from c2.ops.conv.geometry import ORDER
from c2.ops.norm.channels import (
    affine,
    by_channel,
    channel_blocks,
    channels_of,
    column,
    require_per_channel,
)
from c2.registry import (
    REQUIRED,
    Arg,
    Case,
    OpSchema,
    Tensor,
    TensorSpec,
    cases,
    gradient,
    kernel,
    require,
)
from c2.registry.spec import FLOAT

IS_TEST = Arg(
    "is_test", bool, default=REQUIRED, doc="1: normalize with the running moments given, one output"
)
EPSILON = Arg("epsilon", float, default=1e-5, doc="added to the variance")
MOMENTUM = Arg(
    "momentum",
    float,
    default=0.9,
    minimum=0,
    maximum=1,
    doc="share of the old running moments, unitless",
)
NUM_BATCHES = Arg(
    "num_batches", int, default=1, minimum=1,
    doc="batches that sums and sumsq were summed over; above 1 the moments come from them",
)  # fmt: skip


def check_spatial_bn(n_inputs, n_outputs, args):
    if n_inputs not in (5, 7):
        return f"takes 5 inputs, or 7 with sums and sumsq, got {n_inputs}"
    if n_outputs != (1 if args["is_test"] else 5):
        return f"is_test={int(args['is_test'])} gives {1 if args['is_test'] else 5} outputs, got {n_outputs}"
    if args["num_batches"] > 1 and n_inputs != 7:
        return "num_batches above 1 takes the inputs sums and sumsq"
    return None


def infer_spatial_bn(
    X,
    scale,
    bias,
    mean,
    var,
    sums=None,
    sumsq=None,
    *,
    is_test,
    epsilon,
    momentum,
    num_batches,
    order,
):
    C = channels_of(X, order)
    require(epsilon > 0, "epsilon must be positive", "epsilon > 0", epsilon)
    require_per_channel(
        C, X.dtype, scale=scale, bias=bias, mean=mean, var=var, sums=sums, sumsq=sumsq
    )
    moment = TensorSpec((C,), X.dtype)
    return (
        TensorSpec(X.shape, X.dtype) if is_test else (TensorSpec(X.shape, X.dtype), *(moment,) * 4)
    )


SPATIAL_BN = OpSchema(
    "SpatialBN",
    doc="""Y = scale * (X - m) / sqrt(v + epsilon) + bias, with moments m and v per channel.

    is_test=1: m, v are the inputs mean and var, and Y the only output. is_test=0: m, v are the batch's mean and
    (biased) variance over batch and space, or with num_batches above 1 those of sums and sumsq; the outputs
    mean and var are the running moments, momentum * old + (1 - momentum) * batch, updated in place with the
    unbiased variance v * n / (n - 1); saved_mean is m, saved_var is 1 / sqrt(v + epsilon). A batch of no images
    leaves the running moments and saves zeros; with one element per channel the running variance becomes NaN.

    Source: Ioffe & Szegedy, "Batch normalization", 2015.

    Differs from Caffe2: the variance is summed about the mean, not as a difference of sums; float16 and float64
    are taken too.
    """,
    inputs=[
        Tensor("X", "images (N, C, ...), or (N, ..., C) with order NHWC", FLOAT),
        Tensor("scale", "(C,)", FLOAT),
        Tensor("bias", "(C,)", FLOAT),
        Tensor("mean", "running mean, (C,)", FLOAT),
        Tensor("var", "running variance, (C,)", FLOAT),
        Tensor("sums", "sum of X per channel over num_batches batches, (C,)", FLOAT, optional=True),
        Tensor(
            "sumsq", "sum of X * X per channel over num_batches batches, (C,)", FLOAT, optional=True
        ),
    ],
    outputs=[
        Tensor("Y", "shape of X"),
        Tensor("mean", "running mean, updated", optional=True),
        Tensor("var", "running variance, updated", optional=True),
        Tensor("saved_mean", "mean of this batch, (C,)", optional=True),
        Tensor("saved_var", "1 / sqrt(variance + epsilon) of this batch, (C,)", optional=True),
    ],
    args=[IS_TEST, EPSILON, MOMENTUM, NUM_BATCHES, ORDER],
    infer=infer_spatial_bn,
    inplace={"X": "Y", "sums": "saved_mean", "sumsq": "saved_var"},
    inplace_required={"mean": "mean", "var": "var"},
    check=check_spatial_bn,
)


@kernel(SPATIAL_BN)
def spatial_bn(
    xp, X, scale, bias, mean, var, sums=None, sumsq=None, *,
    is_test, epsilon, momentum, num_batches, order, out=None,
):  # fmt: skip
    if is_test:
        Y = xp.empty_like(X) if out is None else out
        factor = scale / xp.sqrt(var + X.dtype.type(epsilon))
        affine(xp, X, factor, bias - factor * mean, Y, order)
        return Y
    out = (xp.empty_like(X), *(xp.empty_like(mean) for _ in range(4))) if out is None else out
    Y, new_mean, new_var, saved_mean, saved_rstd = out
    n = num_batches * (X.size // scale.size)
    if n == 0:
        for target, value in zip(out[1:], (mean, var, 0, 0)):
            target[...] = value
        return out
    if num_batches > 1:
        xp.multiply(sums, X.dtype.type(1 / n), out=saved_mean)
        variance = sumsq * X.dtype.type(1 / n) - saved_mean * saved_mean
        variance = xp.maximum(variance, 0)  # which a difference of sums may miss by rounding
        saved_rstd[...] = 1 / xp.sqrt(variance + X.dtype.type(epsilon))
        affine(xp, X, scale * saved_rstd, bias - scale * saved_rstd * saved_mean, Y, order)
    else:
        variance = _normalize(xp, X, scale, bias, epsilon, Y, saved_mean, saved_rstd, order)
    unbiased = variance * X.dtype.type(n / (n - 1) if n > 1 else np.nan)
    for target, old, new in ((new_mean, mean, saved_mean), (new_var, var, unbiased)):
        xp.multiply(old, X.dtype.type(momentum), out=target)
        xp.add(target, new * X.dtype.type(1 - momentum), out=target)
    return out


def _normalize(xp, X, scale, bias, epsilon, Y, saved_mean, saved_rstd, order):
    """Normalizes X by its own moments, saves them, and returns the variances."""
    x, y, variance = by_channel(X, order), by_channel(Y, order), xp.empty_like(saved_mean)
    epsilon, share = X.dtype.type(epsilon), X.dtype.type(scale.size / X.size)
    for c in channel_blocks(x, order):
        part, mean, rstd, v = y[:, c], saved_mean[c], saved_rstd[c], variance[c]
        xp.multiply(xp.einsum("bcp->c", x[:, c]), share, out=mean)
        xp.subtract(x[:, c], column(xp, mean, x), out=part)
        xp.multiply(xp.einsum("bcp,bcp->c", part, part), share, out=v)
        rstd[...] = 1 / xp.sqrt(v + epsilon)
        xp.multiply(part, column(xp, scale[c] * rstd, x), out=part)
        xp.add(part, column(xp, bias[c], x), out=part)
    return variance


@gradient(SPATIAL_BN)
def spatial_bn_gradient_maker(g):
    """Test mode passes the running moments, training the saved ones; with num_batches above 1 the sums of the
    parameters' gradients over all batches stand where those of this batch go."""
    is_test = g.args["is_test"]
    moments = [g.I("mean"), g.I("var")] if is_test else [g.O("saved_mean"), g.O("saved_var")]
    outputs = [g.GI("X"), g.GI("scale"), g.GI("bias")]
    sums = outputs[1:] if g.args["num_batches"] > 1 else []
    return [
        g.op("SpatialBNGradient", [g.I("X"), g.I("scale"), g.GO("Y"), *moments, *sums], outputs)
    ]


def examples(rng):
    """X, scale, bias, mean, var in NCHW with one to three spatial axes."""
    for sizes in [(), (5,), (4, 3), (2, 3, 2)]:
        X = rng.standard_normal((3, 4, *sizes))
        yield (
            X,
            rng.uniform(0.5, 2, 4),
            rng.standard_normal(4),
            rng.standard_normal(4),
            rng.uniform(0.5, 2, 4),
        )


def normalized(X, mean, var, epsilon=1e-5):
    """(X - mean) / sqrt(var + epsilon) per channel of X (N, C, ...)."""
    return np.stack(
        [(X[:, c] - mean[c]) * (var[c] + epsilon) ** -0.5 for c in range(X.shape[1])], 1
    )


def last(array):
    return np.ascontiguousarray(np.moveaxis(array, 1, -1))


@cases(SPATIAL_BN)
def spatial_bn_cases(rng):
    for X, scale, bias, mean, var in examples(rng):
        column = (-1, *(1,) * (X.ndim - 2))
        inputs = {"X": X, "scale": scale, "bias": bias, "mean": mean, "var": var}
        parameters = scale.reshape(column), bias.reshape(column)
        yield from _test_cases(inputs, *parameters)
        yield from _training_cases(inputs, *parameters)
    none = {**inputs, "X": X[:0]}
    yield Case(none, {"is_test": 1}, {"Y": X[:0]}, outputs=1)
    zeros = {"Y": X[:0], "mean": mean, "var": var, "saved_mean": 0 * mean, "saved_var": 0 * var}
    yield Case(none, {"is_test": 0}, zeros)
    one = {"mean": 0.9 * mean + 0.1 * X[0, :, 0, 0, 0], "var": np.full(4, np.nan)}
    yield Case({**inputs, "X": X[:1, :, :1, :1, :1]}, {"is_test": 0}, one, outputs=5, grad=())


def _test_cases(inputs, scale, bias):
    X = inputs["X"]
    Y = scale * normalized(X, inputs["mean"], inputs["var"]) + bias
    yield Case(inputs, {"is_test": 1}, {"Y": Y}, outputs=1)
    yield Case({**inputs, "X": last(X)}, {"is_test": 1, "order": "NHWC"}, {"Y": last(Y)}, outputs=1)


def _training_cases(inputs, scale, bias):
    X, mean, var, momentum = inputs["X"], inputs["mean"], inputs["var"], 0.8
    rows = np.moveaxis(X, 1, 0).reshape(4, -1)
    m, v = rows.mean(1), rows.var(1)
    Y = scale * normalized(X, m, v) + bias
    expected = {
        "Y": Y, "mean": momentum * mean + (1 - momentum) * m,
        "var": momentum * var + (1 - momentum) * rows.var(1, ddof=1),
        "saved_mean": m, "saved_var": (v + 1e-5) ** -0.5,
    }  # fmt: skip
    args = {"is_test": 0, "momentum": momentum}
    yield Case(inputs, args, expected, grad=())
    nhwc = {**inputs, "X": last(X)}
    yield Case(nhwc, {**args, "order": "NHWC"}, {**expected, "Y": last(Y)}, grad=())
    m, n, v = m + 0.1, 2 * rows.shape[1], v + 0.3  # of two batches, this one and another
    sums = {"sums": n * m, "sumsq": n * (v + m * m)}
    Y = scale * normalized(X, m, v) + bias
    expected = {"Y": Y, "saved_mean": m, "saved_var": (v + 1e-5) ** -0.5}
    yield Case({**inputs, **sums}, {**args, "num_batches": 2}, expected, outputs=5, grad=())
