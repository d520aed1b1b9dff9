"""Layers whose weights multiply."""

from __future__ import annotations

from typing import Any

from c2.build.brew.registration import register
from c2.build.initializers import Given, as_initializer
from c2.build.parameter_info import ParameterTag


@register
def fc(
    model: Any,
    blob_in: Any,
    blob_out: Any,
    dim_in: int,
    dim_out: int,
    weight_init: Given = None,
    bias_init: Given = None,
    freeze_bias: bool = False,
    **args: Any,
) -> Any:
    """The fully connected layer, X W^T + b.

    Args:
        dim_in: columns of X, flattened from axis 1.
        dim_out: columns of the result.
        weight_init: of `<out>_w` (dim_out, dim_in); XavierFill unless told.
        bias_init: of `<out>_b` (dim_out,); zero unless told.
        freeze_bias: the bias is not trained.
    """
    blob_out = blob_out or model.next_name()
    bias_tags = {ParameterTag.BIAS} | ({ParameterTag.COMPUTED_PARAM} if freeze_bias else set())
    weight = model.create_param(
        blob_out + "_w",
        [dim_out, dim_in],
        as_initializer(weight_init, "XavierFill"),
        ParameterTag.WEIGHT,
    )
    bias = model.create_param(
        blob_out + "_b", [dim_out], as_initializer(bias_init, "ConstantFill"), bias_tags
    )
    return model.op("FC", [blob_in, weight, bias], blob_out, **args)


@register
def elementwise_linear(
    model: Any,
    blob_in: Any,
    blob_out: Any,
    dim: int,
    weight_init: Given = None,
    bias_init: Given = None,
    **args: Any,
) -> Any:
    """X * w + b for each of `dim` columns; w starts as one, b as zero."""
    blob_out = blob_out or model.next_name()
    weight = model.create_param(
        blob_out + "_w",
        [dim],
        as_initializer(weight_init, "ConstantFill", value=1.0),
        ParameterTag.WEIGHT,
    )
    bias = model.create_param(
        blob_out + "_b",
        [dim],
        as_initializer(bias_init, "ConstantFill", value=0.0),
        ParameterTag.BIAS,
    )
    return model.op("ElementwiseLinear", [blob_in, weight, bias], blob_out, **args)


@register
def prelu(
    model: Any,
    blob_in: Any,
    blob_out: Any,
    num_channels: int = 1,
    slope_init: Given = None,
    **args: Any,
) -> Any:
    """X where X >= 0, else slope * X, with a learned slope `<out>_slope` for each channel that starts as 0.25."""
    slope = model.create_param(
        blob_out + "_slope",
        [num_channels],
        as_initializer(slope_init, "ConstantFill", value=0.25),
    )
    return model.op("PRelu", [blob_in, slope], blob_out, **args)
