"""Gives every parameter of a model its update: the common part of all `build_...` functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from c2.autodiff.maker import GradientSlice
from c2.build.model_helper import ModelHelper
from c2.build.optimizer.base import Optimizer
from c2.build.optimizer.learning_rate import constant
from c2.build.parameter_info import ParameterInfo
from c2.graph.blob_reference import BlobReference
from c2.graph.scope import device_scope, name_scope

INJECTION = "lr_injection"
"""With `allow_lr_injection`: the blob, 1 at first, that all learning rates are multiplied with; feed another."""

AnyOptimizer = TypeVar("AnyOptimizer", bound=Optimizer)


def build(
    model: ModelHelper,
    optimizer: AnyOptimizer,
    *,
    max_gradient_norm: float | None = None,
    allow_lr_injection: bool = False,
) -> AnyOptimizer:
    """Adds the updates of all parameters that have gradients, each on the device of its parameter.

    Args:
        optimizer: for parameters that have none of their own.
        max_gradient_norm: scales the steps of one run down where the norm over all gradients is larger.
        allow_lr_injection: multiplies learning rates with the blob `lr_injection`.

    Returns:
        The optimizer.

    Raises:
        GradientError: the model has no gradients yet.
    """
    params = model.get_optimization_param_info()
    devices = _devices_of_blobs(model)
    multiplier = None
    if max_gradient_norm is not None:
        multiplier = _clipping_ratio(model, params, devices, float(max_gradient_norm))
    if allow_lr_injection:
        injected = constant(model.param_init_net, INJECTION, 1.0)
        if multiplier is None:
            multiplier = injected
        else:
            product = BlobReference("lr_multiplier", model.net)
            model.net.op("Mul", [multiplier, injected], product, broadcast=1)
            multiplier = product
    optimizer.multiplier = multiplier
    for info in params:
        with on_device_of(info, devices):
            (info.optimizer or optimizer)(model.net, model.param_init_net, info)
    return optimizer


def _devices_of_blobs(model: ModelHelper) -> Mapping[str, Any]:
    """Device options of blobs by name, of the operators that make them; those of the init net count more."""
    found: dict[str, Any] = {}
    for net in (model.net, model.param_init_net):
        for op in net.proto.op:
            option = op.device_option if op.HasField("device_option") else net.proto.device_option
            found.update((name, option) for name in op.output)
    return found


@contextmanager
def on_device_of(info: ParameterInfo, devices: Mapping[str, Any]) -> Iterator[None]:
    """The device scope of a parameter, or of its gradient where nobody makes the parameter; none where none is said."""
    grad = info.grad.values if isinstance(info.grad, GradientSlice) else str(info.grad)
    option = devices.get(info.name, devices.get(grad))
    if option is None or not option.ByteSize():
        yield
        return
    plain = type(option)()
    plain.CopyFrom(option)
    plain.ClearField("random_seed")
    with device_scope(plain):
        yield


def _clipping_ratio(
    model: ModelHelper, params: Sequence[ParameterInfo], devices: Mapping[str, Any], limit: float
) -> BlobReference:
    """limit / max(limit, norm of all gradients), on the CPU."""
    net = model.net
    with name_scope("norm_clipped_grad_update"):
        squares = []
        for index, info in enumerate(params):
            grad = info.grad.values if isinstance(info.grad, GradientSlice) else str(info.grad)
            with on_device_of(info, devices):
                square = net.op("SumSqrElements", BlobReference(grad), f"grad_{index}_squared_sum")
                squares.append(net.op("EnsureCPUOutput", square))
        with device_scope("CPU"):
            total = net.op("Sum", squares, "grad_squared_full_sum")
            norm = net.op("Pow", total, "global_norm", exponent=0.5)
            most = model.param_init_net.op("ConstantFill", (), "clip_norm", shape=[], value=limit)
            divisor = net.op("Max", [norm, most], "max_norm")
            ratio = net.op("Div", [most, divisor], "norm_ratio")
    assert isinstance(ratio, BlobReference)
    return ratio
