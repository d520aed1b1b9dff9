"""Windows of images as columns of a matrix (im2col) and back (col2im), in blocks that stay in cache.

Images are (n, C, spatial) or (n, spatial, C). Whatever the order and the number of spatial axes, the
matrices have the axes (b, G, K, P): G groups of channels, K taps of a window over the channels of a group,
P output positions, and b images, which are 1 where images stand side by side among the positions.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

from c2.ops.conv.geometry import Window
from c2.ops.conv.scratch import Scratch


class Columns:
    """Gathers windows into columns and scatters columns back, in memory that is held between calls.

    Args:
        shape: of the images, (N, C, spatial) or (N, spatial, C).
        group: groups of channels.
        last: channels are the last axis.
        limit: bytes of columns to hold at once.
        single: no more than one image at once where every image makes a matrix of its own.
        restage: images are copied into memory in their order of axes, even where nothing is padded.
    """

    def __init__(
        self, xp: Any, shape: tuple[int, ...], dtype: Any, window: Window, group: int, last: bool, *,
        limit: int, single: bool = False, restage: bool = False,
    ) -> None:  # fmt: skip
        self.xp, self.dtype, self.window, self.group, self.last = xp, dtype, window, group, last
        self.channels = shape[-1] if last else shape[1]
        self.depth = self.channels // max(1, group) * prod(window.kernel)
        self.rest = prod(window.outputs[1:])
        self.is_staged = window.needs_padding or restage
        self._plan_blocks(shape[0], limit, single and not last)
        self._find_interior()
        self._stages: dict[str, Any] = {}
        self._scratch = Scratch(xp, dtype)

    def _plan_blocks(self, batch: int, limit: int, single: bool) -> None:
        rows = self.window.outputs[0]
        row_bytes = max(1, self.group * self.depth * self.rest * self.dtype.itemsize)
        images = 1 if single else max(1, limit // max(1, row_bytes * rows))
        self.images = [slice(n, min(batch, n + images)) for n in range(0, batch, images)]
        parts = 1 if self.window.is_pointwise else -(-row_bytes * rows // limit)
        step = max(1, -(-rows // max(1, parts)))
        self.rows = [slice(r, min(rows, r + step)) for r in range(0, rows, step)]

    # -- images

    def stage(self, images: Any) -> Any:
        """The images with their padding, ready to gather from."""
        if not self.is_staged:
            return images
        staged = self._stage("source", len(images))
        self.xp.copyto(staged[self._outer], images[self._inner])
        return staged

    def blank(self, images: Any) -> Any:
        """Zeros to add windows to: the images themselves, or their stand-in with padding."""
        target = self.target(images)
        target[...] = 0
        return target

    def target(self, images: Any) -> Any:
        """As `blank`, with any content."""
        return self._stage("target", len(images)) if self.is_staged else images

    def unstage(self, target: Any, images: Any) -> None:
        """Writes what was scattered into the images, without the padding."""
        if not self.is_staged:
            return
        if images[self._inner].shape != images.shape:
            images[...] = 0  # elements that no window reads
        self.xp.copyto(images[self._inner], target[self._outer])

    def _stage(self, role: str, count: int) -> Any:
        if role not in self._stages:
            size = self.images[0].stop
            sizes = self.window.extent
            shape = (size, *sizes, self.channels) if self.last else (size, self.channels, *sizes)
            self._stages[role] = self.xp.zeros(shape, self.dtype)
        return self._stages[role][:count]

    def _find_interior(self) -> None:
        """Where the images stand in the staged ones (outer), and what of the images stands there (inner)."""
        outer, inner = [], []
        for head, size, extent in zip(self.window.head, self.window.inputs, self.window.extent):
            start, skip = max(0, head), max(0, -head)
            count = max(0, min(extent - start, size - skip))
            outer.append(slice(start, start + count))
            inner.append(slice(skip, skip + count))
        lead = (slice(None),) if self.last else (slice(None), slice(None))
        self._outer, self._inner = (*lead, *outer), (*lead, *inner)

    # -- columns

    def gather(self, staged: Any, rows: slice) -> Any:
        """The columns of all windows in these output rows, (b, G, K, P)."""
        if self.window.is_pointwise:
            return self._pointwise(staged)
        columns = self._columns(len(staged), rows)
        self.xp.copyto(columns, self.windows(staged, rows))
        return self._as_matrix(columns)

    def to_scatter(self, target: Any, rows: slice) -> Any:
        """Where to write columns, (b, G, K, P), that `scatter` shall add to the target."""
        if self.window.is_pointwise:
            return self._pointwise(target)
        return self._as_matrix(self._columns(len(target), rows))

    def scatter(self, target: Any, rows: slice) -> None:
        """Adds each column to the window that it stands for; windows may overlap."""
        if not self.window.is_pointwise:  # else the columns are the target
            self.add_windows(self._columns(len(target), rows), target, rows)

    def add_windows(self, columns: Any, target: Any, rows: slice) -> None:
        """Adds columns with the axes of `windows` to the target."""
        windows = self.windows(target, rows)
        lead = (slice(None),) * (2 + len(self.window.kernel) if self.last else 2)
        for tap in product(*map(range, self.window.kernel)):
            part = windows[(*lead, *tap)]
            self.xp.add(part, columns[(*lead, *tap)], out=part)

    def _columns(self, count: int, rows: slice) -> Any:
        """Memory for the columns of `count` images, with the axes of `windows`."""
        outputs = (rows.stop - rows.start, *self.window.outputs[1:])
        if self.last:
            shape = (count, *outputs, self.group, *self.window.kernel, self.channels // self.group)
        else:
            shape = (count, self.channels, *self.window.kernel, *outputs)
        return self._scratch("columns", shape)

    def _as_matrix(self, columns: Any) -> Any:
        if self.last:
            return self._positions_last(columns.reshape(-1, self.group, self.depth))
        return columns.reshape(len(columns), self.group, self.depth, -1)

    def _pointwise(self, images: Any) -> Any:
        if self.last:
            return self._positions_last(images.reshape(-1, self.group, self.depth))
        return images.reshape(len(images), self.group, self.depth, -1)

    def results(self, Y: Any, rows: slice) -> Any:
        """These rows of what the windows are mapped to, (n, M, outputs) or (n, outputs, M), as (b, G, M / G, P)."""
        part = slice(rows.start * self.rest, rows.stop * self.rest)
        if self.last:
            whole = Y.reshape(len(Y), -1, self.group, Y.shape[-1] // self.group)[:, part]
            return self._positions_last(whole.reshape(-1, *whole.shape[2:]))
        return Y.reshape(len(Y), self.group, Y.shape[1] // self.group, -1)[..., part]

    def _positions_last(self, matrix: Any) -> Any:
        return matrix.transpose(1, 2, 0)[None]

    def windows(self, images: Any, rows: slice) -> Any:
        """Every window as a view of staged images: (n, C, kernel, outputs) or (n, outputs, G, kernel, C / G)."""
        w = self.window
        outputs = (rows.stop - rows.start, *w.outputs[1:])
        axis = 1 if self.last else 2
        start = (slice(None),) * axis + (slice(rows.start * w.stride[0], None),)
        images = images[start]
        steps = images.strides[axis : axis + len(w.kernel)]
        over_outputs = tuple(s * n for s, n in zip(w.stride, steps))
        over_taps = tuple(d * n for d, n in zip(w.dilation, steps))
        if self.last:
            depth, step = self.channels // self.group, images.strides[-1]
            shape = (len(images), *outputs, self.group, *w.kernel, depth)
            strides = (images.strides[0], *over_outputs, depth * step, *over_taps, step)
        else:
            shape = (len(images), self.channels, *w.kernel, *outputs)
            strides = (*images.strides[:2], *over_taps, *over_outputs)
        return self.xp.lib.stride_tricks.as_strided(images, shape, strides)
