"""The error of a kernel with the filters that it was built for, on a sample of inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from c2.compile.native import NativeKernel
from c2.compile.runner import make_runner
from c2_nnpack.kernels import aligned_floats
from c2_nnpack.layout import BLOCK, blocks_of

IMAGES = 3
POSITIONS = 4  # rows and columns of a tile that are looked at, the outermost ones among them
CHANGE = 0.1  # of the smooth image, beside the mean of each channel
Array = np.ndarray[Any, Any]


def sample_images(C: int, tile: int) -> Array:
    """float32 (3, C, tile, tile): noise, noise as a Relu leaves it, and channels that hardly change."""
    rng = np.random.default_rng(C)
    X = rng.standard_normal((IMAGES, C, tile, tile))
    X[1] = np.maximum(X[1], 0)
    X[2] = np.abs(rng.standard_normal((C, 1, 1))) + CHANGE * X[2]
    return X.astype(np.float32)


def error_on(images: Array, kernel: NativeKernel, W: Array) -> float:
    """Of a convolution without pads and bias, against float64.

    Args:
        images: float32 (N, C, height, width).
        kernel: of images and filters, in channels of 16.
        W: float32 (K, C, kernel height, kernel width).

    Returns:
        The root mean square of the error of an output channel of an image, relative to that of the channel: the
        largest one of all channels and images; NaN or infinite where the kernel overflows and float64 does not.
    """
    windows = np.lib.stride_tricks.sliding_window_view(images, W.shape[2:], (2, 3))
    picked = np.ix_(
        *(np.unique(np.linspace(0, n - 1, POSITIONS).astype(int)) for n in windows.shape[2:4])
    )
    seen = windows[:, :, picked[0], picked[1]].astype(np.float64)
    expected = np.tensordot(seen, W.astype(np.float64), ((1, 4, 5), (1, 2, 3)))
    found = _run(images, kernel, len(W), windows.shape[2:4])[:, picked[0], picked[1]]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        wrong = _mean_square(found - expected)
        right = _mean_square(expected)
        return float(np.sqrt(np.max(np.where(wrong == 0, 0, wrong / right))))


def _mean_square(Y: Array) -> Array:
    return np.asarray((Y * Y).mean((1, 2)))


def _run(images: Array, kernel: NativeKernel, K: int, outputs: tuple[int, ...]) -> Array:
    """(N, output height, output width, K)."""
    N, C, *sizes = images.shape
    x = aligned_floats(N * blocks_of(C) * BLOCK * sizes[0] * sizes[1])
    blocks = x.reshape(N, blocks_of(C), *sizes, BLOCK)
    blocks[:, -1] = 0
    for c in range(C):
        blocks[:, c // BLOCK, :, :, c % BLOCK] = images[:, c]
    shape = (N, blocks_of(K), *outputs, BLOCK)
    y, scratch = aligned_floats(int(np.prod(shape))), aligned_floats(-(-kernel.scratch // 4))
    buffers = [x, x, y, scratch]  # the filters are packed and not read
    run, _ = make_runner([(kernel.function, kernel.context, [b.ctypes.data for b in buffers])])
    run()
    Y: Array = y.reshape(shape).transpose(0, 2, 3, 1, 4).reshape(N, *outputs, -1)
    return Y[..., :K]
