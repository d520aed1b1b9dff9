"""Reductions over sliding windows and their adjoints, one spatial axis at a time.

A maximum or sum over a box is a maximum or sum over its rows and then over its columns: k + k steps where the box
has k * k taps. A step combines shifted, strided views of the whole array. Images are seen as (lead, spatial) for NCHW,
where lead = N * C, and as (lead, spatial, C) for NHWC, where lead = N; blocks of the lead stay in cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

from c2.ops.conv.geometry import Window, is_channels_last
from c2.ops.conv.scratch import Scratch

BLOCK_BYTES = 512 << 10


class Windows:
    """Windows over images of one shape, set up once.

    Args:
        shape: of the images, (N, C, spatial) or (N, spatial, C).
        identity: value that the reduction ignores, for windows that reach over the border.
    """

    def __init__(
        self,
        xp: Any,
        shape: tuple[int, ...],
        dtype: Any,
        window: Window,
        order: str,
        identity: float,
    ) -> None:
        self.xp, self.dtype, self.window, self.identity = xp, dtype, window, identity
        last = is_channels_last(order)
        self._lead = shape[0] if last else shape[0] * shape[1]
        self._tail = (shape[-1],) if last else ()
        self.spatial_axes = tuple(range(1, 1 + len(window.kernel)))
        self.axes = [a for a in range(len(window.kernel)) if not self._is_untouched(a)]
        self.is_whole = (
            set(window.outputs) <= {1} and window.kernel == window.inputs and not any(window.head)
        )
        image = prod(window.inputs) * prod(self._tail) * dtype.itemsize
        step = max(1, BLOCK_BYTES // max(1, image))
        self._blocks = [slice(n, min(self._lead, n + step)) for n in range(0, self._lead, step)]
        self.scratch = Scratch(xp, dtype)

    def blocks(self, *arrays: Any) -> Iterator[list[Any]]:
        """The arrays, images or results, as blocks of the lead."""
        laid = [a.reshape(self._lead, *self._spatial(a), *self._tail) for a in arrays]
        for block in self._blocks:
            yield [a[block] for a in laid]

    def reduce(self, combine: Callable[..., Any], X: Any, Y: Any) -> None:
        """Reduces one block into Y, axis by axis."""
        stage = self.stages(combine, X)[-1]
        if self.axes:
            self._reduce_axis(combine, stage, Y, self.axes[-1])
        else:
            self.xp.copyto(Y, X)

    def stages(self, combine: Callable[..., Any], X: Any) -> list[Any]:
        """One block before each axis is reduced: X, and X reduced over the axes so far."""
        stages, sizes = [X], list(self.window.inputs)
        for axis in self.axes[:-1]:
            sizes[axis] = self.window.outputs[axis]
            stages.append(self.scratch(f"stage {axis}", self.block_shape(X, sizes)))
            self._reduce_axis(combine, stages[-2], stages[-1], axis)
        return stages

    def spread(self, dY: Any, dX: Any, share: Callable[..., Any]) -> None:
        """The adjoint: gives each tap its share of the gradient of its window.

        Args:
            share: `share(step, inputs, outputs, d, out)` writes the share of the taps `inputs` of stage
                `step` in the gradient `d` of the windows `outputs` of the next stage.
        """
        for step in reversed(range(len(self.axes))):
            axis = self.axes[step]
            sizes = list(self.window.outputs)
            for later in self.axes[step:]:
                sizes[later] = self.window.inputs[later]
            target = dX
            if step:
                target = self.scratch(f"gradient {axis}", self.block_shape(dX, sizes))
            self._spread_axis(dY, target, axis, lambda *args, step=step: share(step, *args))
            dY = target
        if not self.axes:
            share(0, slice(None), slice(None), dY, dX)

    def _reduce_axis(self, combine: Callable[..., Any], X: Any, Y: Any, axis: int) -> None:
        whole, parts = self._taps(axis, Y)
        if len(whole) > 1:
            combine(X[whole[0][1]], X[whole[1][1]], out=Y)
        elif whole:
            self.xp.copyto(Y, X[whole[0][1]])
        else:
            Y[...] = self.identity
        for outputs, inputs in whole[2:] + parts:
            combine(Y[outputs], X[inputs], out=Y[outputs])

    def _spread_axis(self, dY: Any, dX: Any, axis: int, share: Callable[..., Any]) -> None:
        whole, parts = self._taps(axis, dY)
        window = self.window
        if window.stride[axis] >= window.kernel[axis]:  # no element is in two windows
            covered = sum(len(range(window.inputs[axis])[i[1 + axis]]) for _, i in whole + parts)
            if covered < window.inputs[axis]:
                dX[...] = 0
            for outputs, inputs in whole + parts:
                share(inputs, outputs, dY[outputs], dX[inputs])
            return
        dX[...] = 0
        for outputs, inputs in whole + parts:
            part = self.scratch("share", dY[outputs].shape)
            share(inputs, outputs, dY[outputs], part)
            self.xp.add(dX[inputs], part, out=dX[inputs])

    def _taps(self, axis: int, Y: Any) -> tuple[list[Any], list[Any]]:
        """Index pairs (outputs, inputs) per tap: those that serve every output, then the others."""
        lead = (slice(None),) * (1 + axis)
        whole, parts = [], []
        for outputs, inputs in self.window.taps(axis):
            count = outputs.stop - outputs.start
            pair = ((*lead, outputs), (*lead, inputs))
            if count == self.window.outputs[axis]:
                whole.append(pair)
            elif count:
                parts.append(pair)
        return whole, parts

    def block_shape(self, block: Any, sizes: Any) -> tuple[int, ...]:
        """Shape of as many images as in the block, with these spatial sizes."""
        return (len(block), *sizes, *self._tail)

    def _is_untouched(self, axis: int) -> bool:
        w = self.window
        return w.kernel[axis] == 1 and w.inputs[axis] == w.outputs[axis] and w.head[axis] == 0

    def _spatial(self, array: Any) -> tuple[int, ...]:
        rank = len(self.window.kernel)
        return tuple(array.shape[1 : 1 + rank] if self._tail else array.shape[2:])
