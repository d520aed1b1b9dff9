"""A convolution of given shapes: its descriptors, its algorithms, and its three computations."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from c2.errors import KernelError
from c2.ops.conv.geometry import Window, image_shape
from c2_cuda.cudnn import descriptors
from c2_cuda.cudnn.algorithms import (
    FILTER_GRADIENT,
    FORWARD,
    INPUT_GRADIENT,
    WORKSPACE,
    Algorithm,
    Direction,
    Wish,
    choose,
)
from c2_cuda.cudnn.handle import Handle, handle
from c2_cuda.cudnn.numbers import Activation, Math
from c2_cuda.nvidia import address
from c2_cuda.workspace import workspace

Shape = tuple[int, ...]


def math_of(dtype: Any, tf32: bool = False) -> Math:
    """What cuDNN may compute with: half precision on tensor cores, float32 in full unless TF32 is asked for."""
    if np.dtype(dtype) == np.float16:
        return Math.TENSOR_OP_MATH
    return Math.DEFAULT_MATH if tf32 else Math.FMA_MATH


def wish_of(
    dtype: Any, exhaustive_search: bool = False, deterministic: bool = False, ws_nbytes_limit: int = WORKSPACE,
    **rest: Any,
) -> Wish:  # fmt: skip
    """The wish that an operator's arguments stand for; others are left alone."""
    return Wish(math_of(dtype), ws_nbytes_limit, deterministic, exhaustive_search)


class Convolution:
    """Images x, filters w, results y.

    Attributes:
        shape: of y.
    """

    def __init__(
        self, xp: Any, x: Shape, w: Shape, dtype: Any, window: Window, group: int, order: str, wish: Wish
    ) -> None:  # fmt: skip
        """
        Args:
            x: (N, C, ...), or (N, ..., C) with order NHWC.
            w: (M, C / group, ...), or (M, ..., C / group).
        """
        self.xp, self.x, self.w, self.dtype, self.order, self.wish = xp, x, w, dtype, order, wish
        self.shape = image_shape(x[0], w[0], window.outputs, order)
        self._key = (x, w, np.dtype(dtype).name, window, group, order)
        self._x = descriptors.tensor(x, dtype, order)
        self._w = descriptors.filters(w, dtype, order)
        self._y = descriptors.tensor(self.shape, dtype, order)
        self._convolution = descriptors.convolution(window, dtype, group, wish.math)
        self._one, self._zero = descriptors.scalar(1.0, dtype), descriptors.scalar(0.0, dtype)

    def forward(self, x: Any, w: Any, y: Any) -> None:
        """y = x * w."""
        h, algorithm = self._handle, self._forward
        h.library.call(
            "ConvolutionForward", h.on_current_stream(), self._one, self._x, address(x), self._w, address(w),
            self._convolution, *self._with(h, algorithm), self._zero, self._y, address(y),
        )  # fmt: skip

    def fused(self, x: Any, w: Any, bias: Any, y: Any, z: Any = None) -> None:
        """y = max(x * w + z + bias, 0), with z of the shape of y (None: without)."""
        self._handle.library.call(
            "ConvolutionBiasActivationForward", *self._fused(x, w, bias, y, z)
        )

    def why_not_fused(self, with_sum: bool) -> str | None:
        """Why cuDNN cannot do that in one call, which it only tells when asked for it; None: it can."""
        sizes = [self.x, self.w, (self.w[0],), self.shape, *[self.shape] * with_sum]
        arrays = [self.xp.zeros(shape, self.dtype) for shape in sizes]
        found = self._handle.library.status(
            "ConvolutionBiasActivationForward", *self._fused(*arrays)
        )
        return None if found is None else f"cuDNN does not fuse this convolution: {found}"

    def _fused(self, x: Any, w: Any, bias: Any, y: Any, z: Any = None) -> tuple[Any, ...]:
        h, algorithm = self._handle, self._forward
        return (
            h.on_current_stream(), self._one, self._x, address(x), self._w, address(w), self._convolution,
            *self._with(h, algorithm), self._zero if z is None else self._one, self._y,
            address(y if z is None else z), self._bias, address(bias), self._relu, self._y, address(y),
        )  # fmt: skip

    def add_bias(self, bias: Any, y: Any) -> None:
        """y += bias, one number per channel."""
        h = self._handle
        h.library.call(
            "AddTensor", h.on_current_stream(), self._one, self._bias, address(bias), self._one, self._y, address(y)
        )  # fmt: skip

    def input_gradient(self, w: Any, dy: Any, dx: Any) -> None:
        h, algorithm = self._handle, self._input_gradient
        h.library.call(
            "ConvolutionBackwardData", h.on_current_stream(), self._one, self._w, address(w), self._y, address(dy),
            self._convolution, *self._with(h, algorithm), self._zero, self._x, address(dx),
        )  # fmt: skip

    def filter_gradient(self, x: Any, dy: Any, dw: Any) -> None:
        h, algorithm = self._handle, self._filter_gradient
        h.library.call(
            "ConvolutionBackwardFilter", h.on_current_stream(), self._one, self._x, address(x), self._y, address(dy),
            self._convolution, *self._with(h, algorithm), self._zero, self._w, address(dw),
        )  # fmt: skip

    def bias_gradient(self, dy: Any, db: Any) -> None:
        h = self._handle
        h.library.call(
            "ConvolutionBackwardBias", h.on_current_stream(), self._one, self._y, address(dy), self._zero,
            self._bias, address(db),
        )  # fmt: skip

    def why_not(self, *directions: Direction) -> str | None:
        """Why cuDNN cannot compute this in one of these directions; None: it can."""
        for direction in directions:
            found = self._choose(direction)
            if isinstance(found, str):
                return found
        return None

    @property
    def _handle(self) -> Handle:
        return handle(self.xp)

    @staticmethod
    def _with(h: Handle, algorithm: Algorithm) -> tuple[Any, ...]:
        if not algorithm.workspace:
            return algorithm.number, address(None), 0
        return algorithm.number, address(workspace(h.xp, algorithm.workspace)), algorithm.workspace

    @cached_property
    def _bias(self) -> Any:
        return descriptors.per_channel(self.shape, self.dtype, self.order)

    @cached_property
    def _relu(self) -> Any:
        return descriptors.activation(Activation.ACTIVATION_RELU)

    @cached_property
    def _forward(self) -> Algorithm:
        return self._found(FORWARD)

    @cached_property
    def _input_gradient(self) -> Algorithm:
        return self._found(INPUT_GRADIENT)

    @cached_property
    def _filter_gradient(self) -> Algorithm:
        return self._found(FILTER_GRADIENT)

    def _found(self, direction: Direction) -> Algorithm:
        found = self._choose(direction)
        if isinstance(found, str):
            raise KernelError(found)
        return found

    def _choose(self, direction: Direction) -> Algorithm | str:
        x, w, y = (self._x, self.x), (self._w, self.w), (self._y, self.shape)
        first, second, third = {
            FORWARD: (x, w, y), INPUT_GRADIENT: (w, y, x), FILTER_GRADIENT: (x, y, w),
        }[direction]  # fmt: skip
        return choose(
            self._handle, direction, self._key, (first[0], second[0], self._convolution, third[0]),
            lambda: [self.xp.zeros(shape, self.dtype) for _, shape in (first, second, third)], self.wish,
        )  # fmt: skip
