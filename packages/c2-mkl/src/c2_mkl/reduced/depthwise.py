"""Depthwise convolutions 3 x 3 in int8 by an own kernel, which takes half of oneDNN's time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2_mkl import onednn_numbers as n
from c2_mkl.call import chain_of
from c2_mkl.library import OneDNN
from c2_mkl.native.convolution_geometry import Geometry
from c2_mkl.packing import packed_once
from c2_mkl.primitive import Array, aligned
from c2_mkl.reduced.arithmetic import Arithmetic
from c2_mkl.reduced.storage import Kept
from c2_mkl.reduced.weights import rounded

WIDTHS = (64, 32, 16)  # channels of a block


def depthwise(
    request: NativeRequest,
    library: OneDNN,
    geometry: Geometry,
    arithmetic: Arithmetic,
    layouts: tuple[Kept, Kept, Kept | None],
) -> NativeKernel | None:
    """The kernel for layouts of X and Y, channels last; None where it is another convolution or another CPU."""
    (X, Y, S), ends, window = layouts, arithmetic.ends(layouts[1]), geometry.window
    if not library.has_own_vnni or S is not None or not _is_ours(geometry):
        return None
    if ends is None or not _fits_int32(arithmetic):
        return None
    W, channels = request.constants[1], geometry.source.C
    packed = packed_once(W, "depthwise bytes", lambda: _packed(_taps(W)))
    factors = _factors(arithmetic, _taps(W), X.dtype == n.S8)
    weights, pairs = (
        library.ffi.cast("void *", one.ctypes.data) for one in (packed.array, factors)
    )
    fields = {
        "images": geometry.source.N, "inputs": window.inputs, "outputs": window.outputs, "channels": channels,
        "head": window.head, "weights": weights, "factors": pairs, "low": int(ends[0]), "high": int(ends[1]),
        "stride": window.stride[0], "takes_signed": X.dtype == n.S8, "gives_signed": Y.dtype == n.S8,
        "threads": request.threads,
    }  # fmt: skip
    chain = chain_of(request, library)
    chain.add("depthwise_bytes", fields, [0, chain.output], keep=(packed, factors))
    chain.packed.append(1)
    return chain.kernel([X] + [PLAIN] * (len(request.inputs) - 1), [Y])


def _is_ours(geometry: Geometry) -> bool:
    window, channels = geometry.window, geometry.source.C
    each = geometry.group == channels == geometry.target.C and channels >= WIDTHS[-1]
    plain = window.kernel == (3, 3) and window.dilation == (1, 1)
    return each and plain and window.stride in ((1, 1), (2, 2))


def _fits_int32(arithmetic: Arithmetic) -> bool:
    """Whether a result in steps can be rounded to int32 before it is cut off."""
    assert arithmetic.scales is not None
    bias = 0.0 if arithmetic.bias is None else np.abs(arithmetic.bias).max()
    return bool(9 * 255 * 127 * arithmetic.scales.max() + bias < 2**31)


def _taps(W: Array) -> Array:
    """int8 (channels, 3, 3), from filters of either order."""
    return rounded(W).reshape(len(W), 3, 3)


def _blocks(channels: int) -> Iterator[Array]:
    """Channels of each block as the kernel's vectors have them, (4, width / 16, 4): see depthwise_bytes.c."""
    at = 0
    while at < channels:
        width = next((one for one in WIDTHS if one <= channels - at), WIDTHS[-1])
        at = min(at, channels - WIDTHS[-1]) if width == WIDTHS[-1] else at
        yield (at + np.arange(width)).reshape(-1, 4, 4).swapaxes(0, 1)
        at += width


def _packed(taps: Array) -> Array:
    """For each block, first or second row of Y, and column: four rows of filters, one of them not of the window."""
    parts = []
    for channels in _blocks(len(taps)):
        columns = np.moveaxis(taps[channels], -1, 0)  # (3, 4, width / 16, 4, 3)
        pads = ((0, 1), (1, 0))
        parts += [np.pad(columns, [(0, 0)] * 4 + [pad]).ravel() for pad in pads]
    packed = aligned(sum(map(len, parts)))
    packed[:] = np.concatenate(parts).view(packed.dtype)
    return packed


def _factors(arithmetic: Arithmetic, taps: Array, signed: bool) -> Array:
    """Scale and bias of each block's channels; `signed` bytes come with 128 added."""
    assert arithmetic.scales is not None
    scale = arithmetic.scales.astype(np.float64)
    bias = np.zeros(len(taps)) if arithmetic.bias is None else np.float64(arithmetic.bias)
    if signed:
        bias = bias - 128 * scale * taps.sum((1, 2), dtype=np.int64)
    parts = [one[k].ravel() for k in _blocks(len(taps)) for one in (scale, bias)]
    return np.concatenate(parts).astype(np.float32)
