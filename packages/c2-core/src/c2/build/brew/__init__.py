"""Layers: functions that add operators and their parameters to a model, `brew.<layer>(model, blob_in, blob_out, ...)`.

Outputs get the name given, parameters that name and a suffix: `<out>_w` and `<out>_b`; `_s`, `_b`, `_rm`, `_riv` of
batch norms. Defaults come from `model.arg_scope` and from `brew.arg_scope`; `brew.register` adds layers.
"""

from collections.abc import Callable
from typing import Any

from c2.build.brew.arrays import concat, depth_concat, dropout
from c2.build.brew.convolution import conv, conv_nd, conv_transpose, group_conv
from c2.build.brew.linear import elementwise_linear, fc, prelu
from c2.build.brew.normalization import (
    instance_norm,
    layer_norm,
    lrn,
    moments_with_running_stats,
    spatial_bn,
    spatial_gn,
)
from c2.build.brew.plain import (
    arg_min,
    batch_mat_mul,
    elu,
    gelu,
    leaky_relu,
    mat_mul,
    reduce_sum,
    relu,
    selu,
    sigmoid,
    softmax,
    softplus,
    softsign,
    sub,
    sum,
    swish,
    tanh,
    transpose,
)
from c2.build.brew.pooling import average_pool, max_pool
from c2.build.brew.registration import arg_scope, names, register, registered
from c2.build.brew.training import accuracy, add_weight_decay, iter
from c2.errors import did_you_mean

__all__ = [
    "accuracy", "add_weight_decay", "arg_min", "arg_scope", "average_pool", "batch_mat_mul", "concat", "conv",
    "conv_nd", "conv_transpose", "depth_concat", "dropout", "elementwise_linear", "elu", "fc", "gelu", "group_conv",
    "instance_norm", "iter", "layer_norm", "leaky_relu", "lrn", "mat_mul", "max_pool", "moments_with_running_stats",
    "names", "prelu", "reduce_sum", "register", "registered", "relu", "selu", "sigmoid", "softmax", "softplus",
    "softsign", "spatial_bn", "spatial_gn", "sub", "sum", "swish", "tanh", "transpose",
]  # fmt: skip


def __getattr__(name: str) -> Callable[..., Any]:
    found = registered(name)
    if found is None:
        raise AttributeError(f"no brew function '{name}'.{did_you_mean(name, names())}")
    return found
