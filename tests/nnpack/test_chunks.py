"""What a direct convolution computes at a time: how chunks are shared by threads, and what they read."""

from itertools import pairwise, product

import pytest

from c2_nnpack.chunks import NEAR, chunk_of
from c2_nnpack.convolution import Convolution

PANEL = 32  # outputs
# N, C, K, height and width, stride of layers 1x1
LAYERS = [
    (1, 512, 128, 28, 1), (1, 1024, 256, 14, 1), (8, 512, 2048, 7, 1), (1, 256, 128, 56, 2), (1, 64, 256, 56, 1),
    (3, 64, 32, 56, 1),
]  # fmt: skip


def layer(N, C, K, size, stride, threads):
    outputs = (size // stride,) * 2
    return Convolution(
        N, C, K, (size, size), outputs, (1, 1), (stride, stride), head=(0, 0), threads=threads
    )


def chunks_of(one, chunk):
    """Positions of each chunk, in order; those of a 1x1 of stride 1 are of an image as one row."""
    height, width = one.outputs if one.stride != (1, 1) else (1, one.outputs[0] * one.outputs[1])
    starts = product(
        range(0, one.N, chunk.images), range(0, height, chunk.rows), range(0, width, chunk.columns)
    )
    ends = (one.N, height, width)
    steps = (chunk.images, chunk.rows, chunk.columns)
    for start in starts:
        n, h, w = (min(step, end - at) for step, end, at in zip(steps, ends, start))
        yield n * h * w


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("shape", LAYERS)
def test_threads_have_nearly_equal_parts(shape, threads):
    one = layer(*shape, threads)
    panels = one.K // PANEL
    items = [n for n in chunks_of(one, chunk_of(one, 16, panels)) for _ in range(panels)]
    ends = [len(items) * t // threads for t in range(threads + 1)]
    parts = [sum(items[first:last]) for first, last in pairwise(ends)]
    assert sum(items) == one.N * one.outputs[0] * one.outputs[1] * panels
    assert max(parts) <= 1.05 * sum(items) / threads


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("shape", LAYERS)
def test_what_chunks_read_stays_near(shape, threads):
    one = layer(*shape, threads)
    largest = max(chunks_of(one, chunk_of(one, 16, one.K // PANEL)))
    assert largest * one.C * 4 <= NEAR


def test_an_image_of_one_position():
    chunk = chunk_of(layer(1, 16, 16, 1, 1, 2), 16, 1)
    assert (chunk.images, chunk.rows, chunk.columns) == (1, 1, 1)
