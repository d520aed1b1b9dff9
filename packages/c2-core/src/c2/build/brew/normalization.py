"""Layers that normalize."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from c2.build.brew.registration import register
from c2.build.initializers import Given, as_initializer
from c2.build.parameter_info import ParameterTag


@register
def lrn(model: Any, blob_in: Any, blob_out: Any, order: str = "NCHW", **args: Any) -> Any:
    """Local response normalization over channels; the scale goes to `_<out>_scale`. See operator LRN."""
    return model.op("LRN", blob_in, [blob_out, "_" + blob_out + "_scale"], order=order, **args)[0]


@register
def spatial_bn(
    model: Any,
    blob_in: Any,
    blob_out: Any,
    dim_in: int,
    is_test: bool = False,
    init_scale: float = 1.0,
    init_bias: float = 0.0,
    scale_init: Given = None,
    bias_init: Given = None,
    running_mean_init: Given = None,
    running_variance_init: Given = None,
    order: str = "NCHW",
    **args: Any,
) -> Any:
    """Batch normalization of `dim_in` channels.

    Makes scale `<out>_s`, bias `<out>_b`, running mean `<out>_rm` and running variance `<out>_riv` (its name says
    inverse, it holds the variance); in training the batch's own go to `<out>_sm` and `<out>_siv`.
    """
    blob_out = blob_out or model.next_name()
    scale, bias = _scale_and_bias(
        model, blob_out, [dim_in], scale_init, bias_init, init_scale, init_bias
    )
    running = [
        model.create_param(
            blob_out + suffix,
            [dim_in],
            as_initializer(given, "ConstantFill", value=value),
            ParameterTag.COMPUTED_PARAM,
        )
        for suffix, given, value in (
            ("_rm", running_mean_init, 0.0),
            ("_riv", running_variance_init, 1.0),
        )
    ]
    inputs = [blob_in, scale, bias, *running]
    if is_test:
        return model.op("SpatialBN", inputs, blob_out, order=order, is_test=1, **args)
    outputs = [blob_out, *running, blob_out + "_sm", blob_out + "_siv"]
    return model.op("SpatialBN", inputs, outputs, order=order, is_test=0, **args)[0]


@register
def spatial_gn(
    model: Any,
    blob_in: Any,
    blob_out: Any,
    dim_in: int,
    init_scale: float = 1.0,
    init_bias: float = 0.0,
    scale_init: Given = None,
    bias_init: Given = None,
    **args: Any,
) -> Any:
    """Group normalization (Wu & He, 2018) of `dim_in` channels in `group` groups."""
    blob_out = blob_out or model.next_name()
    scale, bias = _scale_and_bias(
        model, blob_out, [dim_in], scale_init, bias_init, init_scale, init_bias
    )
    outputs = [blob_out, blob_out + "_mean", blob_out + "_std"]
    return model.op("GroupNorm", [blob_in, scale, bias], outputs, **args)[0]


@register
def instance_norm(
    model: Any,
    blob_in: Any,
    blob_out: Any,
    dim_in: int,
    is_test: bool = False,
    order: str = "NCHW",
    **args: Any,
) -> Any:
    """Normalizes each image's channels by themselves; mean and deviation go to `<out>_sm` and `<out>_siv`."""
    blob_out = blob_out or model.next_name()
    inputs = [blob_in, *_scale_and_bias(model, blob_out, [dim_in], None, None, 1.0, 0.0)]
    if is_test:
        return model.op("InstanceNorm", inputs, blob_out, order=order, **args)
    outputs = [blob_out, blob_out + "_sm", blob_out + "_siv"]
    return model.op("InstanceNorm", inputs, outputs, order=order, **args)[0]


@register
def layer_norm(
    model: Any,
    blob_in: Any,
    blob_out: Any,
    dim_in: int | Sequence[int],
    axis: int = 1,
    epsilon: float = 1e-4,
    initial_scale: float = 1.0,
    initial_bias: float = 0.0,
) -> Any:
    """Layer normalization (Ba, Kiros & Hinton, 2016) over the axes from `axis` on.

    Args:
        dim_in: shape of those axes, which `<out>_scale` and `<out>_bias` get.

    Returns:
        The normalized blob, its mean and its standard deviation.
    """
    shape = [dim_in] if isinstance(dim_in, int) else list(dim_in)
    scale = model.create_param(
        f"{blob_out}_scale",
        shape,
        as_initializer(None, "ConstantFill", value=initial_scale),
        ParameterTag.WEIGHT,
    )
    bias = model.create_param(
        f"{blob_out}_bias",
        shape,
        as_initializer(None, "ConstantFill", value=initial_bias),
        ParameterTag.BIAS,
    )
    outputs = [blob_out, blob_out + "_mean", blob_out + "_std"]
    return model.op(
        "LayerNorm",
        [blob_in, scale, bias],
        outputs,
        axis=axis,
        epsilon=epsilon,
        elementwise_affine=True,
    )


@register
def moments_with_running_stats(
    model: Any,
    blob_in: Any,
    blob_out: Any,
    dim_in: int,
    running_mean_init: Given = None,
    running_variance_init: Given = None,
    order: str = "NCHW",
    **args: Any,
) -> Any:
    """Mean `<out>_sm` and variance `<out>_sv` of each channel, and computed parameters for their running values."""
    for suffix, given, value in (
        ("_rm", running_mean_init, 0.0),
        ("_riv", running_variance_init, 1.0),
    ):
        model.create_param(
            blob_out + suffix,
            [dim_in],
            as_initializer(given, "ConstantFill", value=value),
            ParameterTag.COMPUTED_PARAM,
        )
    axes = [0, 2, 3] if order == "NCHW" else [0, 1, 2]
    outputs = [blob_out + "_sm", blob_out + "_sv"]
    return model.op("Moments", blob_in, outputs, axes=axes, order=order, keepdims=False, **args)


def _scale_and_bias(
    model: Any,
    blob_out: Any,
    shape: list[int],
    scale_init: Given,
    bias_init: Given,
    init_scale: float,
    init_bias: float,
) -> tuple[Any, Any]:
    scale = model.create_param(
        blob_out + "_s",
        shape,
        as_initializer(scale_init, "ConstantFill", value=float(init_scale)),
        ParameterTag.WEIGHT,
    )
    bias = model.create_param(
        blob_out + "_b",
        shape,
        as_initializer(bias_init, "ConstantFill", value=float(init_bias)),
        ParameterTag.BIAS,
    )
    return scale, bias
