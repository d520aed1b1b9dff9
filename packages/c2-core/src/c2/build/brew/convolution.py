"""Convolution layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from c2.build.brew.registration import register
from c2.build.initializers import Given, as_initializer
from c2.build.parameter_info import ParameterTag
from c2.errors import SchemaError


@register
def conv(
    model: Any,
    blob_in: Any,
    blob_out: Any,
    dim_in: int,
    dim_out: int,
    kernel: int | Sequence[int],
    weight_init: Given = None,
    bias_init: Given = None,
    group: int = 1,
    no_bias: bool = False,
    order: str = "NCHW",
    **args: Any,
) -> Any:
    """Convolution in two dimensions.

    Args:
        dim_in, dim_out: channels.
        kernel: size of the window, or its height and width.
        weight_init: of `<out>_w` (dim_out, dim_in / group, height, width), in NHWC order (dim_out, height, width,
            dim_in / group); XavierFill unless told.
        bias_init: of `<out>_b` (dim_out,); zero unless told.
        args: stride, pad, dilation, ... as the operator Conv takes them.
    """
    if isinstance(kernel, int):
        window, sizes = [kernel, kernel], {"kernel": kernel}
    else:
        window = _window(kernel, 2)
        sizes = {"kernel_h": window[0], "kernel_w": window[1]}
    params = _params(
        model, blob_out, dim_in, dim_out, window, weight_init, bias_init, group, no_bias, order
    )
    blob_out, weights = params
    if group != 1:
        args["group"] = group
    return model.op("Conv", [blob_in, *weights], blob_out, **sizes, order=order, **args)


@register
def conv_nd(
    model: Any,
    blob_in: Any,
    blob_out: Any,
    dim_in: int,
    dim_out: int,
    kernel: int | Sequence[int],
    weight_init: Given = None,
    bias_init: Given = None,
    group: int = 1,
    no_bias: bool = False,
    order: str = "NCHW",
    **args: Any,
) -> Any:
    """Convolution in as many dimensions as `kernel` has; see `conv`. The order is NCHW."""
    if order != "NCHW":
        raise SchemaError(f"brew.conv_nd: order must be NCHW, got {order}; use conv for NHWC")
    window = [kernel] if isinstance(kernel, int) else _window(kernel)
    blob_out, weights = _params(
        model, blob_out, dim_in, dim_out, window, weight_init, bias_init, group, no_bias, order
    )
    if group != 1:
        args["group"] = group
    return model.op("Conv", [blob_in, *weights], blob_out, kernels=window, order=order, **args)


@register
def group_conv(
    model: Any,
    blob_in: Any,
    blob_out: Any,
    dim_in: int,
    dim_out: int,
    kernel: int | Sequence[int],
    **args: Any,
) -> Any:
    """`conv` with `group`: the older name."""
    return conv(model, blob_in, blob_out, dim_in, dim_out, kernel, **args)


@register
def conv_transpose(
    model: Any,
    blob_in: Any,
    blob_out: Any,
    dim_in: int,
    dim_out: int,
    kernel: int,
    weight_init: Given = None,
    bias_init: Given = None,
    order: str = "NCHW",
    **args: Any,
) -> Any:
    """The transpose of a convolution, which makes images larger.

    The weights `<out>_w` are (dim_in, dim_out, kernel, kernel), in NHWC order (dim_in, kernel, kernel, dim_out).
    """
    blob_out = blob_out or model.next_name()
    window = [kernel, kernel]
    shape = [dim_in, dim_out, *window] if order == "NCHW" else [dim_in, *window, dim_out]
    weights = [
        model.create_param(
            blob_out + "_w", shape, as_initializer(weight_init, "XavierFill"), ParameterTag.WEIGHT
        ),
        model.create_param(
            blob_out + "_b",
            [dim_out],
            as_initializer(bias_init, "ConstantFill"),
            ParameterTag.BIAS,
        ),
    ]
    return model.op(
        "ConvTranspose", [blob_in, *weights], blob_out, kernel=kernel, order=order, **args
    )


def _window(kernel: Sequence[int], dimensions: int | None = None) -> list[int]:
    window = list(kernel)
    if dimensions is not None and len(window) != dimensions:
        raise SchemaError(
            f"brew.conv: kernel must have {dimensions} sizes, got {window}; use conv_nd for others"
        )
    return window


def _params(
    model: Any,
    blob_out: Any,
    dim_in: int,
    dim_out: int,
    window: list[int],
    weight_init: Given,
    bias_init: Given,
    group: int,
    no_bias: bool,
    order: str,
) -> tuple[Any, list[Any]]:
    """The output's name, and the weights and, unless there is none, the bias."""
    if dim_in % group or dim_out % group:
        raise SchemaError(
            f"brew.conv '{blob_out}': dim_in and dim_out must be divisible by group; "
            f"got dim_in {dim_in}, dim_out {dim_out}, group {group}"
        )
    blob_out = blob_out or model.next_name()
    depth = dim_in // group
    shape = [dim_out, depth, *window] if order == "NCHW" else [dim_out, *window, depth]
    weights = [
        model.create_param(
            blob_out + "_w", shape, as_initializer(weight_init, "XavierFill"), ParameterTag.WEIGHT
        )
    ]
    if not no_bias:
        weights.append(
            model.create_param(
                blob_out + "_b",
                [dim_out],
                as_initializer(bias_init, "ConstantFill"),
                ParameterTag.BIAS,
            )
        )
    return blob_out, weights
