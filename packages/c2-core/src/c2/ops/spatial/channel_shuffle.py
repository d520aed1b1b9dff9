"""ChannelShuffle and its gradient."""

import numpy as np

from c2.ops.conv.geometry import ORDER, channel_axis
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

GROUP = Arg("group", int, default=1, minimum=1, doc="groups of channels to interleave")


def infer_channel_shuffle(X, *, group, order):
    require(
        X.ndim >= 2, "X must have axes for the batch and the channels", "2 axes or more", X.ndim
    )
    C = X.shape[channel_axis(order, X.ndim)]
    require(C % group == 0, "channels must be a multiple of group", f"k * {group}", C)
    return TensorSpec(X.shape, X.dtype)


CHANNEL_SHUFFLE = OpSchema(
    "ChannelShuffle",
    doc="""Y[:, k * group + g] = X[:, g * C / group + k]: channels of the groups g take turns.

    Source: Zhang et al., "ShuffleNet", 2018.

    Differs from Caffe2: float16 and float64 are taken too.
    """,
    inputs=[Tensor("X", "(N, C, ...), or (N, ..., C) with order NHWC", FLOAT)],
    outputs=[Tensor("Y", "shape of X")],
    args=[GROUP, ORDER],
    infer=infer_channel_shuffle,
)

CHANNEL_SHUFFLE_GRADIENT = OpSchema(
    "ChannelShuffleGradient",
    doc="dX[:, g * C / group + k] = dY[:, k * group + g]: the inverse of ChannelShuffle.",
    inputs=[Tensor("dY", "(N, C, ...), or (N, ..., C) with order NHWC", FLOAT)],
    outputs=[Tensor("dX", "shape of dY")],
    args=[GROUP, ORDER],
    infer=infer_channel_shuffle,
    gradient=NoGradient.FORBIDDEN,
)


def _interleave(xp, X, rows, order, out):
    """Reads the channels as a matrix of so many rows, and writes its transpose."""
    out = xp.empty_like(X) if out is None else out
    axis = channel_axis(order, X.ndim)
    before, C, after = X.shape[:axis], X.shape[axis], X.shape[axis + 1 :]
    view = X.reshape(*before, rows, C // rows, *after).swapaxes(axis, axis + 1)
    xp.copyto(out.reshape(view.shape), view)
    return out


@kernel(CHANNEL_SHUFFLE)
def channel_shuffle(xp, X, *, group, order, out=None):
    return _interleave(xp, X, group, order, out)


@kernel(CHANNEL_SHUFFLE_GRADIENT)
def channel_shuffle_gradient(xp, dY, *, group, order, out=None):
    return _interleave(xp, dY, max(1, dY.shape[channel_axis(order, dY.ndim)] // group), order, out)


@gradient(CHANNEL_SHUFFLE)
def channel_shuffle_gradient_maker(g):
    return [g.op("ChannelShuffleGradient", [g.GO("Y")], [g.GI("X")])]


def _examples(rng):
    for shape in [(2, 6), (2, 6, 3), (0, 6, 2), (1, 6, 2, 3), (2, 6, 1, 2, 2)]:
        for group in (1, 2, 3, 6):
            target = [
                (c % (6 // group)) * group + c // (6 // group) for c in range(6)
            ]  # of input channel c
            yield rng.standard_normal(shape), group, target


def _last(array):
    return np.ascontiguousarray(np.moveaxis(array, 1, -1))


@cases(CHANNEL_SHUFFLE)
def channel_shuffle_cases(rng):
    for X, group, target in _examples(rng):
        Y = np.zeros_like(X)
        Y[:, target] = X
        yield Case({"X": X}, {"group": group}, {"Y": Y})
        yield Case({"X": _last(X)}, {"group": group, "order": "NHWC"}, {"Y": _last(Y)})


@cases(CHANNEL_SHUFFLE_GRADIENT)
def channel_shuffle_gradient_cases(rng):
    for dY, group, target in _examples(rng):
        dX = dY[:, target]
        yield Case({"dY": dY}, {"group": group}, {"dX": dX})
        yield Case({"dY": _last(dY)}, {"group": group, "order": "NHWC"}, {"dX": _last(dX)})
