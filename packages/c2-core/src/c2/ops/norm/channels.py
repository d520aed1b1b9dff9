"""Images as (b, C, P): batch, channels and positions, whatever their order of axes.

NCHW images become (N, C, H * W), NHWC images (1, C, N * H * W); both are views.
"""

from math import prod

from c2.ops.conv.geometry import channel_axis, is_channels_last, spatial
from c2.registry import require

BLOCK_BYTES = 256 << 10


def by_channel(X, order):
    """A view of the images as (b, C, P)."""
    positions = prod(spatial(X.shape, order))
    if is_channels_last(order):
        return X.reshape(1, X.shape[0] * positions, X.shape[-1]).swapaxes(1, 2)
    return X.reshape(X.shape[0], X.shape[1], positions)


def channels_of(X, order):
    """Number of channels of an image batch of two axes or more."""
    require(
        X.ndim >= 2, "X must have axes for the batch and the channels", "2 axes or more", X.ndim
    )
    C = X.shape[channel_axis(order, X.ndim)]
    require(C > 0, "X must have channels", "C >= 1", C)
    return C


def require_per_channel(C, dtype, **vectors):
    """Each of the vectors must have one entry per channel, and the dtype of X."""
    for name, spec in vectors.items():
        if spec is not None:
            require(spec.shape == (C,), f"{name} must have one entry per channel", (C,), spec.shape)
            require(spec.dtype == dtype, f"{name} and X must have one dtype", dtype, spec.dtype)


def blocks(view, order):
    """Index of blocks of (b, C, P) images that stay in cache, each contiguous in memory or nearly so."""
    b, C, P = view.shape
    budget = max(1, BLOCK_BYTES // view.dtype.itemsize)
    if is_channels_last(order):
        step = max(1, budget // C)
        return [(slice(None), slice(None), slice(p, p + step)) for p in range(0, P, step)]
    channels = max(1, min(C, budget // max(1, P)))
    images = max(1, budget // max(1, C * P))
    return [
        (slice(n, n + images), slice(c, c + channels), slice(None))
        for n in range(0, b, images)
        for c in range(0, C, channels)
    ]


def affine(xp, X, scale, bias, Y, order):
    """Y = X * scale + bias per channel, in blocks; X and Y are images, and may be the same."""
    x, y, scale, bias = by_channel(X, order), by_channel(Y, order), scale[:, None], bias[:, None]
    for at in blocks(x, order):
        part = y[at]
        xp.multiply(x[at], scale[at[1]], out=part)
        xp.add(part, bias[at[1]], out=part)
