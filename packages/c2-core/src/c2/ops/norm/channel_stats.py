"""ChannelStats and ChannelBackpropStats: the sums from which batch normalization over several batches is made."""

import numpy as np

from c2.ops.conv.geometry import ORDER
from c2.ops.norm.channels import by_channel, channels_of, require_per_channel
from c2.registry import Case, NoGradient, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.spec import FLOAT


def infer_channel_stats(X, *, order):
    return (TensorSpec((channels_of(X, order),), X.dtype),) * 2


def infer_channel_backprop_stats(X, mean, inv_std, dY, *, order="NCHW"):
    C = channels_of(X, order)
    require_per_channel(C, X.dtype, mean=mean, inv_std=inv_std)
    require(dY.shape == X.shape, "output_grad must have the shape of X", X.shape, dY.shape)
    require(dY.dtype == X.dtype, "output_grad and X must have one dtype", X.dtype, dY.dtype)
    return (TensorSpec((C,), X.dtype),) * 2


CHANNEL_STATS = OpSchema(
    "ChannelStats",
    doc="""sum = sum of X and sumsq = sum of X * X per channel, over batch and space. No images give zeros.

    Summed over batches they are the inputs sums and sumsq of SpatialBN.

    Differs from Caffe2: float16 and float64 are taken too.
    """,
    inputs=[Tensor("X", "images (N, C, ...), or (N, ..., C) with order NHWC", FLOAT)],
    outputs=[Tensor("sum", "(C,)"), Tensor("sumsq", "(C,)")],
    args=[ORDER],
    infer=infer_channel_stats,
    gradient=NoGradient.NOT_IMPLEMENTED,
)

CHANNEL_BACKPROP_STATS = OpSchema(
    "ChannelBackpropStats",
    doc="""scale_grad = sum of dY * (X - mean) * inv_std and bias_grad = sum of dY per channel, over batch and space.

    Summed over batches they are the last inputs of SpatialBNGradient. No images give zeros. NCHW only.

    Differs from Caffe2: float16 and float64 are taken too.
    """,
    inputs=[
        Tensor("X", "images (N, C, ...)", FLOAT),
        Tensor("mean", "(C,)", FLOAT),
        Tensor("inv_std", "(C,)", FLOAT),
        Tensor("output_grad", "dY, shape of X", FLOAT),
    ],
    outputs=[Tensor("scale_grad", "(C,)"), Tensor("bias_grad", "(C,)")],
    infer=infer_channel_backprop_stats,
    gradient=NoGradient.NOT_IMPLEMENTED,
)


@kernel(CHANNEL_STATS)
def channel_stats(xp, X, *, order, out=None):
    x = by_channel(X, order)
    total, squares = (xp.empty(x.shape[1], X.dtype) for _ in range(2)) if out is None else out
    total[...] = xp.einsum("bcp->c", x)
    squares[...] = xp.einsum("bcp,bcp->c", x, x)
    return total, squares


@kernel(CHANNEL_BACKPROP_STATS)
def channel_backprop_stats(xp, X, mean, inv_std, dY, *, out=None):
    dscale, dbias = (xp.empty_like(mean) for _ in range(2)) if out is None else out
    x, dy = by_channel(X, "NCHW"), by_channel(dY, "NCHW")
    xp.multiply(xp.einsum("bcp,bcp->c", x - mean[:, None], dy), inv_std, out=dscale)
    dbias[...] = xp.einsum("bcp->c", dy)
    return dscale, dbias


@cases(CHANNEL_STATS)
def channel_stats_cases(rng):
    for shape in [(2, 3), (2, 3, 4), (0, 3, 2), (2, 3, 2, 5), (1, 2, 2, 3, 2)]:
        X = rng.standard_normal(shape)
        rows = np.moveaxis(X, 1, 0).reshape(shape[1], -1)
        expected = {"sum": rows @ np.ones(rows.shape[1]), "sumsq": np.diag(rows @ rows.T)}
        yield Case({"X": X}, {}, expected)
        last = np.ascontiguousarray(np.moveaxis(X, 1, -1))
        yield Case({"X": last}, {"order": "NHWC"}, expected)


@cases(CHANNEL_BACKPROP_STATS)
def channel_backprop_stats_cases(rng):
    for shape in [(2, 3, 4), (2, 3, 2, 5), (0, 3, 2), (1, 2, 2, 3, 2)]:
        C, X, dY = shape[1], rng.standard_normal(shape), rng.standard_normal(shape)
        mean, inv_std = rng.standard_normal(C), rng.uniform(0.5, 2, C)
        rows, dy = (np.moveaxis(a, 1, 0).reshape(C, -1) for a in (X, dY))
        dscale = [d @ ((x - m) * r) for d, x, m, r in zip(dy, rows, mean, inv_std)]
        inputs = {"X": X, "mean": mean, "inv_std": inv_std, "output_grad": dY}
        yield Case(inputs, {}, {"scale_grad": np.array(dscale), "bias_grad": dy.sum(1)})
