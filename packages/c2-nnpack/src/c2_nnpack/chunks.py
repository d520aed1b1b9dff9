"""What a direct convolution computes at a time, and where in memory the windows of these outputs read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from c2_nnpack.convolution import Convolution

NEAR = 400 << 10  # bytes that a chunk reads: with a panel of weights, they stay in a core's cache
RUN = 14  # positions that are summed at a time, at most
UNEVEN = 1.02  # times the least work of the busiest thread that larger chunks may cost


@dataclass(frozen=True)
class Axis:
    """An axis of the window, and how the positions lie that `count` outputs read.

    Positions of the padded image whose numbers have the same remainder by the stride (as many `phases` as windows use)
    lie side by side, `taken` of each; so neighbours in the output read neighbours.
    """

    kernel: int
    stride: int
    dilation: int
    count: int

    @property
    def span(self) -> int:
        return (self.kernel - 1) * self.dilation + 1

    @property
    def phases(self) -> int:
        return min(self.stride, self.span)

    @property
    def taken(self) -> int:
        return self.count + (self.span - 1) // self.stride

    def place(self, tap: Any, taken: int) -> Any:
        """Of what output 0 reads at a tap, counted in positions; `taken` of one phase lie before the next."""
        return tap * self.dilation % self.stride * taken + tap * self.dilation // self.stride


@dataclass(frozen=True)
class Chunk:
    """Outputs that are computed together: of so many images, rows and columns."""

    images: int
    rows: int
    columns: int


def in_place(one: Convolution) -> bool:
    """Whether windows can be read from the image itself."""
    inside = all(
        o + (k - 1) * d <= size
        for o, k, d, size in zip(one.outputs, one.kernel, one.dilation, one.inputs)
    )
    return inside and {*one.stride} == {1} and not any(one.head)


def is_joined(one: Convolution) -> bool:
    """Whether each output reads the position of its own, so that rows need not be told apart."""
    return in_place(one) and one.kernel == (1, 1) and one.inputs == one.outputs


def axes(one: Convolution, chunk: Chunk) -> tuple[Axis, Axis]:
    """Along the height and the width of a chunk."""
    counts = (chunk.rows, chunk.columns)
    down, across = (Axis(*each) for each in zip(one.kernel, one.stride, one.dilation, counts))
    return down, across


def chunk_of(one: Convolution, depth: int, panels: int) -> Chunk:
    """Rows (of a joined image: positions) that share out well; whole images where they are small.

    Args:
        panels: of outputs, each of which a thread may compute alone.
    """
    height, width = one.outputs
    channels = -(-one.C // depth) * depth
    down, across = axes(one, Chunk(1, 1, width))
    row = channels * 4 * across.phases * across.taken * down.phases
    length, rest, positions = height, (down.taken - 1) * row, width
    if is_joined(one):
        length, row, rest, positions = height * width, channels * 4, 0, 1
    most = max(1, (NEAR - rest) // row)
    images = 1
    if length <= most:
        several = max(1, NEAR // (rest + length * row))
        images = shared(one.N, several, 1, panels, one.threads, length * positions)
        at_a_time = length
    else:
        at_a_time = shared(length, most, one.N, panels, one.threads, positions)
    return Chunk(images, 1, at_a_time) if is_joined(one) else Chunk(images, at_a_time, width)


def shared(length: int, most: int, times: int, panels: int, threads: int, positions: int) -> int:
    """How many go together, of at most `most`, so that no thread has much more to do than others.

    Args:
        length: how many there are, of `positions` each.
        times: how often they are there.
        panels: what each part is done for; threads have equal numbers of parts and panels, in a row.
    """
    least = -(-length // most)
    sizes = {
        min(most, length, -(-length // (parts * run)) * run)
        for parts in range(least, least + 2 * threads)
        for run in (1, RUN if positions == 1 else 1)
    }
    work = {size: _busiest(length, size, times, panels, threads, positions) for size in sizes}
    return max(size for size in sizes if work[size] <= UNEVEN * min(work.values()))


def _busiest(
    length: int, size: int, times: int, panels: int, threads: int, positions: int
) -> float:
    """Positions and panels of the thread that has most; the end of each run costs as much as a position."""
    parts = np.minimum(size, length - np.arange(0, length, size)) * positions
    done = np.cumsum(np.repeat(np.tile(parts + -(-parts // RUN), times), panels))
    ends = len(done) * np.arange(threads + 1) // threads
    return float(np.diff(np.append(0, done)[ends]).max())


def sources_of(one: Convolution, depth: int, plane: int, down: Any, across: Any) -> Any:
    """What an output sums: (offset of its floats, terms before it), by rows of the window, planes and columns.

    One row more than there are sources: where the next would be.

    Args:
        depth: channels that lie side by side.
        plane: floats from one plane to the next.
        down, across: floats from the first tap to each along the height and the width.
    """
    C = one.C // one.group
    row, channel, column = np.indices((len(down), -(-C // depth), len(across))).reshape(3, -1)
    offsets = channel * plane + down[row] + across[column]
    terms = np.minimum(depth, C - channel * depth)
    pairs = np.append(offsets, offsets[-1]), np.append(0, np.cumsum(terms))
    return np.ascontiguousarray(np.stack(pairs, 1), np.intp)
