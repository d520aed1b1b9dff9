"""Images as (b, C, P): batch, channels and positions, whatever their order of axes.

NCHW images become (N, C, H * W), NHWC images (1, C, N * H * W); both are views.
"""

from math import prod

from c2.ops.conv.geometry import channel_axis, is_channels_last, spatial
from c2.registry import require

BLOCK_BYTES = 512 << 10


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


def channel_blocks(view, order):
    """Slices of the channels of (b, C, P) images that stay in cache through several passes; NHWC: all at once."""
    b, C, P = view.shape
    if is_channels_last(order):
        return [slice(0, C)]
    step = max(1, BLOCK_BYTES // max(1, b * P * view.dtype.itemsize))
    return [slice(c, min(C, c + step)) for c in range(0, C, step)]


def column(xp, vector, view):
    """A vector of channels to combine with (b, C, P) images; spelt out per position it serves many images faster."""
    b, _, P = view.shape
    return xp.repeat(vector, P).reshape(-1, P) if b > 1 else vector[:, None]


def affine(xp, X, scale, bias, Y, order):
    """Y = X * scale + bias per channel, in blocks that stay in cache; X and Y are images, and may be the same."""
    budget = max(1, BLOCK_BYTES // X.dtype.itemsize)
    if is_channels_last(order):
        _affine_rows(xp, X.reshape(-1), scale, bias, Y.reshape(-1), max(1, budget // scale.size))
        return
    x, y = by_channel(X, order), by_channel(Y, order)
    N, C, P = x.shape
    step = max(1, budget // max(1, P))
    for c in range(0, C, step):
        these = slice(c, c + step)
        factor, shift = column(xp, scale[these], x), column(xp, bias[these], x)
        images = max(1, budget // max(1, factor.shape[0] * P))
        for n in range(0, N, images):
            part = y[n : n + images, these]
            xp.multiply(x[n : n + images, these], factor, out=part)
            xp.add(part, shift, out=part)


def _affine_rows(xp, x, scale, bias, y, rows):
    """The same for flat rows of all channels, so many at a time."""
    factor, shift = xp.tile(scale, rows), xp.tile(bias, rows)
    for p in range(0, x.size, factor.size):
        part = y[p : p + factor.size]
        xp.multiply(x[p : p + factor.size], factor[: part.size], out=part)
        xp.add(part, shift[: part.size], out=part)
