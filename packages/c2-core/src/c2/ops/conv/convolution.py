"""The three products of a convolution, for any number of spatial axes, both orders, groups and dilation.

forward           Y  = W  * columns(X)
input gradient    dX = images(W^T * dY)         (the forward pass of ConvTranspose)
filter gradient   dW = dY * columns(X)^T
"""

from __future__ import annotations

from math import prod
from typing import Any

from c2.ops.conv.columns import Columns
from c2.ops.conv.geometry import Window, is_channels_last
from c2.ops.conv.scratch import Scratch

# Columns of one block stay in the second-level cache, or near it; larger blocks feed the matrix product no better.
BLOCK_BYTES = 2 << 20
# An image of fewer output positions makes a poor matrix alone: images stand side by side instead.
FEW_POSITIONS = 256
# A filter gradient per image, summed afterwards, is cheap where its elements are so many times fewer than those of the
# image's columns and results.
FEW_FILTERS = 8
# With fewer results than this per group, columns * dY^T is the faster product than dY * columns^T.
FEW_RESULTS = 128


class Convolution:
    """Set up once for images (N, C, spatial) or (N, spatial, C) and results with M channels.

    Small NCHW images are laid out with the batch innermost: N becomes one more spatial axis, on which the window
    has one tap, so that copies run over long rows and one matrix product serves many images.

    Args:
        shape: of the images.
        results: M, channels of the results.
        filters: set up for the filter gradient too, which sums over the positions of all images.
    """

    def __init__(
        self, xp: Any, shape: tuple[int, ...], dtype: Any, window: Window, results: int, group: int, order: str, *,
        filters: bool = False,
    ) -> None:  # fmt: skip
        self.xp, self.group, self.results = xp, group, results
        last = is_channels_last(order)
        positions, depth = prod(window.outputs), shape[-1 if last else 1] * prod(window.kernel)
        few = positions <= FEW_POSITIONS and (filters or not window.is_pointwise)
        self.innermost = few and shape[0] > 1 and not last
        if self.innermost:
            window = window.with_axis(shape[0])
            shape = (1, *shape[1:], shape[0])
        # Every block adds to dW, which should cost less than the block's product.
        limit = max(BLOCK_BYTES, 4 * results * depth * dtype.itemsize if filters else 0)
        is_small = FEW_FILTERS * results * depth // group <= (results + depth) * positions
        self.columns = Columns(
            xp, shape, dtype, window, group, last,
            limit=limit, single=filters and not is_small, restage=self.innermost,
        )  # fmt: skip
        self._is_flipped = results // group <= FEW_RESULTS
        self._result_shape = (1, results, *window.outputs) if self.innermost else ()
        self._scratch = Scratch(xp, dtype)

    def forward(self, X: Any, W: Any, b: Any, Y: Any) -> None:
        X, W = self._lay(X), W.reshape(self.group, self.results // self.group, -1)
        target = self._scratch_results() if self.innermost else Y
        for images in self.columns.images:
            staged = self.columns.stage(X[images])
            for rows in self.columns.rows:
                part = self.columns.results(target[images], rows)
                self.xp.matmul(W, self.columns.gather(staged, rows), out=part)
                if b is not None:
                    self.xp.add(part, b.reshape(self.group, -1, 1), out=part)
        if self.innermost:
            self.xp.copyto(self._lay(Y), target)

    def input_gradient(self, W: Any, dY: Any, dX: Any) -> None:
        self._backward(None, W, dY, None, dX)

    def filter_gradient(self, X: Any, dY: Any, dW: Any) -> None:
        self._backward(X, None, dY, dW, None)

    def gradients(self, X: Any, W: Any, dY: Any, dW: Any, dX: Any) -> None:
        """Both gradients, block by block; `dX` may be None."""
        self._backward(X, W, dY, dW, dX)

    def _backward(self, X: Any, W: Any, dY: Any, dW: Any, dX: Any) -> None:
        dY = self._lay_results(dY)
        X, dX = (None if a is None else self._lay(a) for a in (X, dX))
        transposed = None if W is None else self._matrix(W).swapaxes(-1, -2)
        total = None if dW is None else self._total(dW)
        first = True
        for images in self.columns.images:
            staged = None if X is None else self.columns.stage(X[images])
            target = None if dX is None else self._target(dX[images])
            for rows in self.columns.rows:
                part = self.columns.results(dY[images], rows)
                if total is not None:
                    self._accumulate(part, self.columns.gather(staged, rows), total, first)
                    first = False
                if target is not None:
                    self._scatter(transposed, part, target, rows)
            if target is not None:
                self.columns.unstage(target, dX[images])
        if total is not None and first:
            total[...] = 0  # no images
        if total is not None and self._is_flipped:
            self.xp.copyto(self._matrix(dW), total.swapaxes(-1, -2))

    def _total(self, dW: Any) -> Any:
        """Where dW is summed: (G, M / G, K), or flipped, (G, K, M / G)."""
        matrix = self._matrix(dW)
        if not self._is_flipped:
            return matrix
        return self._scratch("flipped", (len(matrix), *matrix.shape[:0:-1]))

    def _accumulate(self, part: Any, columns: Any, total: Any, first: bool) -> None:
        """Adds this block's dY * columns^T, of each image and group, to dW."""
        factors = (columns, part) if self._is_flipped else (part, columns)
        if first and len(columns) == 1:
            self.xp.matmul(factors[0][0], factors[1][0].swapaxes(-1, -2), out=total)
            return
        products = self._scratch("dW", (len(columns), *total.shape))
        self.xp.matmul(factors[0], factors[1].swapaxes(-1, -2), out=products)
        if first:
            self.xp.sum(products, axis=0, out=total)
        else:
            for product in products:
                self.xp.add(total, product, out=total)

    def _target(self, dX: Any) -> Any:
        """Where to scatter; a single tap writes every element itself."""
        columns = self.columns
        return columns.target(dX) if columns.window.is_pointwise else columns.blank(dX)

    def _scatter(self, transposed: Any, part: Any, target: Any, rows: slice) -> None:
        self.xp.matmul(transposed, part, out=self.columns.to_scatter(target, rows))
        self.columns.scatter(target, rows)

    def _matrix(self, W: Any) -> Any:
        """Filters (M, C / G, kernel) or (M, kernel, C / G) as (G, M / G, K)."""
        return W.reshape(self.group, self.results // self.group, -1)

    def _lay(self, images: Any) -> Any:
        """A view of the images in the axes that the columns work with."""
        return self.xp.moveaxis(images, 0, -1)[None] if self.innermost else images

    def _lay_results(self, dY: Any) -> Any:
        if not self.innermost:
            return dY
        results = self._scratch_results()
        self.xp.copyto(results, self._lay(dY))
        return results

    def _scratch_results(self) -> Any:
        return self._scratch("results", self._result_shape)
