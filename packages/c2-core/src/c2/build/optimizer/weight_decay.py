"""Weight decay: L2 regularization by way of the gradients."""

from __future__ import annotations

from c2.autodiff.maker import GradientSlice
from c2.build.model_helper import ModelHelper
from c2.build.optimizer.build import _devices_of_blobs, on_device_of
from c2.build.optimizer.learning_rate import constant, device_key, one
from c2.build.parameter_info import ParameterTag
from c2.errors import GradientError, SchemaError


def add_weight_decay(model: ModelHelper, weight_decay: float) -> None:
    """Adds `weight_decay * W` to the gradient of every weight: the gradient of weight_decay / 2 * |W|^2.

    Call it after `add_gradients` and before an optimizer is built.

    Raises:
        SchemaError: it is negative.
        GradientError: the model has no gradients, or a weight has a sparse one.
    """
    if not weight_decay >= 0:
        raise SchemaError(f"weight_decay must be 0 or more, got {weight_decay}")
    devices = _devices_of_blobs(model)
    for info in model.get_optimization_param_info():
        if ParameterTag.WEIGHT not in info.tags:
            continue
        if isinstance(info.grad, GradientSlice):
            raise GradientError(
                f"weight '{info.name}' has a sparse gradient, which weight decay would make dense; give the "
                "parameter no WEIGHT tag, or use Adagrad, whose operator decays the rows it updates"
            )
        with on_device_of(info, devices):
            whole = one(model.param_init_net)
            factor = constant(model.param_init_net, f"wd_{device_key()}", float(weight_decay))
            inputs = [info.grad, whole, info.blob, factor]
            model.net.op("WeightedSum", inputs, info.grad)
