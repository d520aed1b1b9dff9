"""What a training net has besides layers: accuracy, an iteration counter, weight decay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from c2.build.brew.registration import register
from c2.errors import GradientError
from c2.graph.scope import current_name_scope
from c2.proto import DATA_TYPES


@register
def accuracy(model: Any, blobs_in: Sequence[Any], blob_out: Any, **args: Any) -> Any:
    """Share of rows whose label is among the `top_k` best scores (1 unless told).

    Args:
        blobs_in: scores (N, classes) and labels int32 (N,).
    """
    return model.op("Accuracy", blobs_in, blob_out, **args)


@register
def iter(model: Any, blob_out: Any, **args: Any) -> Any:
    """A counter of runs: int64 (1,), zero before the first. It lives on the CPU."""
    args.pop("device_option", None)
    model.param_init_net.op(
        "ConstantFill",
        (),
        blob_out,
        shape=[1],
        value=0,
        dtype=DATA_TYPES["INT64"],
        device_option="CPU",
    )
    return model.net.op("Iter", blob_out, blob_out, **args)


@register
def add_weight_decay(model: Any, weight_decay: float) -> None:
    """Adds `weight_decay * W` to the gradient of every weight of the current scope: L2 regularization.

    Raises:
        GradientError: the model has no gradients yet.
    """
    if weight_decay <= 0.0:
        return
    if model.gradients is None:
        raise GradientError(
            f"model '{model.name}' has no gradients yet: call add_gradients(loss) before add_weight_decay"
        )
    decay = model.param_init_net.op("ConstantFill", (), "wd", shape=[1], value=float(weight_decay))
    one = model.param_init_net.op("ConstantFill", (), "ONE", shape=[1], value=1.0)
    scope = current_name_scope()
    for param in model.weights:
        grad = model.param_info(param).grad
        if grad is not None and (not scope or param.name.rpartition("/")[0] + "/" == scope):
            model.net.op("WeightedSum", [grad, one, param, decay], grad)
