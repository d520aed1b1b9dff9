"""cuDNN's descriptors, each freed with its owner. None of them needs a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from c2.ops.conv.geometry import Window, channel_axis, is_channels_last
from c2_cuda.cudnn.library import library
from c2_cuda.cudnn.numbers import (
    Activation,
    ConvolutionMode,
    DataType,
    Format,
    Math,
    NaN,
    Pooling,
)
from c2_cuda.nvidia import numbers

DATA_TYPES = {
    "float16": DataType.DATA_HALF,
    "float32": DataType.DATA_FLOAT,
    "float64": DataType.DATA_DOUBLE,
}


def data_type(dtype: Any) -> DataType:
    return DATA_TYPES[np.dtype(dtype).name]


def compute_type(dtype: Any) -> DataType:
    """What numbers of this dtype are multiplied and added in: float64, else float32."""
    return DataType.DATA_DOUBLE if np.dtype(dtype) == np.float64 else DataType.DATA_FLOAT


def scalar(value: float, dtype: Any) -> Any:
    """alpha or beta of a call on tensors of this dtype: a double for float64, else a float."""
    kind = "double" if compute_type(dtype) == DataType.DATA_DOUBLE else "float"
    return numbers(kind, value)


def tensor(shape: Sequence[int], dtype: Any, order: str = "NCHW") -> Any:
    """A batch of images in contiguous memory.

    Args:
        shape: (N, C, ...), or (N, ..., C) with order NHWC; with fewer than two spatial axes, axes of size 1 follow.
    """
    sizes = _channels_first(shape, order)
    sizes += (1,) * (4 - len(sizes))
    made = _make("TensorDescriptor")
    library().call(
        "SetTensorNdDescriptor", made, data_type(dtype), len(sizes), _ints(sizes), _ints(_strides(sizes, order))
    )  # fmt: skip
    return made


def per_channel(shape: Sequence[int], dtype: Any, order: str) -> Any:
    """One number per channel of images of this shape, (1, C, 1, ...): biases, moments."""
    axis = channel_axis(order, len(shape))
    return tensor([size if k == axis else 1 for k, size in enumerate(shape)], dtype, order)


def filters(shape: Sequence[int], dtype: Any, order: str) -> Any:
    """Filters (M, C / group, ...), or (M, ..., C / group) with order NHWC."""
    sizes = _channels_first(shape, order)
    sizes += (1,) * (4 - len(sizes))
    format_ = Format.TENSOR_NHWC if is_channels_last(order) else Format.TENSOR_NCHW
    made = _make("FilterDescriptor")
    library().call(
        "SetFilterNdDescriptor", made, data_type(dtype), format_, len(sizes), _ints(sizes)
    )
    return made


def convolution(window: Window, dtype: Any, group: int, math: Math) -> Any:
    """The window of a convolution with equal pads at both ends."""
    found = two_axes(window)
    made = _make("ConvolutionDescriptor")
    call = library().call
    call(
        "SetConvolutionNdDescriptor", made, len(found.kernel), _ints(found.head), _ints(found.stride),
        _ints(found.dilation), ConvolutionMode.CROSS_CORRELATION, compute_type(dtype),
    )  # fmt: skip
    call("SetConvolutionGroupCount", made, group)
    call("SetConvolutionMathType", made, math)
    return made


def pooling(window: Window, mode: Pooling) -> Any:
    found = two_axes(window)
    made = _make("PoolingDescriptor")
    library().call(
        "SetPoolingNdDescriptor", made, mode, NaN.PROPAGATE_NAN, len(found.kernel), _ints(found.kernel),
        _ints(found.head), _ints(found.stride),
    )  # fmt: skip
    return made


def lrn(size: int, alpha: float, beta: float, bias: float) -> Any:
    made = _make("LRNDescriptor")
    library().call("SetLRNDescriptor", made, size, alpha, beta, bias)
    return made


def activation(kind: Activation) -> Any:
    made = _make("ActivationDescriptor")
    library().call("SetActivationDescriptor", made, kind, NaN.PROPAGATE_NAN, 0.0)
    return made


def two_axes(window: Window) -> Window:
    """The same window with at least two spatial axes, which is what cuDNN has."""
    return window if len(window.kernel) > 1 else window.with_axis(1)


def _make(kind: str) -> Any:
    found = library()
    made = found.ffi.new(f"cudnn{kind}_t *")
    found.call(f"Create{kind}", made)
    return found.ffi.gc(made[0], lambda value: found.status(f"Destroy{kind}", value))


def _channels_first(shape: Sequence[int], order: str) -> tuple[int, ...]:
    return (shape[0], shape[-1], *shape[1:-1]) if is_channels_last(order) else tuple(shape)


def _strides(sizes: Sequence[int], order: str) -> list[int]:
    """Steps in elements along (N, C, ...) of contiguous images in that order."""
    axes = [0, *range(2, len(sizes)), 1] if is_channels_last(order) else list(range(len(sizes)))
    steps = [0] * len(sizes)
    for k, axis in enumerate(axes):
        steps[axis] = prod(sizes[a] for a in axes[k + 1 :])
    return steps


def _ints(values: Sequence[int]) -> Any:
    return numbers("int", *values)
