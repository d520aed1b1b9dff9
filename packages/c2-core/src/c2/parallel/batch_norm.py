"""Batch normalization over the batches of all processes together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from c2.build.model_helper import ModelHelper
from c2.communicate.communicator import Communicator
from c2.errors import GradientError, SchemaError
from c2.graph.net import renamed_op
from c2.graph.op import create_op
from c2.ops.conv.geometry import is_channels_last
from c2.parallel.gradients import WORLD
from c2.serialize.arguments import argument_value, make_argument

NORM, GRADIENT = "SpatialBN", "SpatialBNGradient"


def synchronize_batch_norm(model: ModelHelper, ranks: Communicator) -> None:
    """Makes each SpatialBN in training mode take mean and variance over all processes, and its gradient accordingly.

    So N processes with a part of each batch compute what one computes with all of it. It takes an exchange of two
    small vectors per operator, forward and back, for which all processes wait, and the kernels of Python: compile the
    net as before, but expect it to take longer. Call it after `add_gradients`.

    Differs from a process alone in rounding: the variance is a difference of sums over all, as in Caffe2.

    Raises:
        GradientError: the model has no gradients yet.
        SchemaError: a SpatialBN has the order NHWC, for which Caffe2 has no sums of gradients.
    """
    if model.gradients is None:
        raise GradientError(
            f"model '{model.name}' has no gradients yet: call add_gradients(loss) before synchronize_batch_norm"
        )
    if ranks.size == 1:
        return
    net = model.net
    if WORLD not in net:
        net.add_external_input(WORLD)
    net.replace_ops([one for op in net.ops for one in _synchronized(op, ranks.size, model.name)])


def _synchronized(op: Any, size: int, model: str) -> Iterator[Any]:
    args = {arg.name: argument_value(arg) for arg in op.arg}
    if op.type not in (NORM, GRADIENT) or args.get("is_test") or args.get("num_batches", 1) > 1:
        yield op
        return
    if is_channels_last(args.get("order", b"NCHW").decode()):
        raise SchemaError(
            f"model '{model}': {op.type} '{op.output[0]}' has the order NHWC; batch norm over all processes takes NCHW"
        )
    if op.type == NORM:
        made = create_op("ChannelStats", [op.input[0]], _sums(op, "sum", "sumsq"))
    else:
        X, _, dY, mean, rstd = op.input
        sums = _sums(op, "scale_grad_sum", "bias_grad_sum")
        made = create_op("ChannelBackpropStats", [X, mean, rstd, dY], sums)
    total = create_op("AllreduceSum", [WORLD, *made.output], made.output)
    over_all = renamed_op(op, {})
    over_all.input.extend(made.output)
    over_all.arg.append(make_argument("num_batches", size))
    for one in (made, total):
        if op.HasField("device_option"):
            one.device_option.CopyFrom(op.device_option)
        yield one
    yield over_all


def _sums(op: Any, *suffixes: str) -> list[str]:
    return [f"{op.output[0]}_{suffix}_of_all" for suffix in suffixes]
