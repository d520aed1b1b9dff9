"""A ModelHelper from nets that exist already: read from files, written by another program."""

from __future__ import annotations

from typing import Any

from c2.build.model_helper import ModelHelper
from c2.errors import NetError, did_you_mean
from c2.graph.check import check_net


def model_from_nets(init_net: Any, net: Any, loss: str) -> ModelHelper:
    """A model without gradients, whose parameters are the blobs that the init net makes and the loss depends on.

    Args:
        init_net: makes the parameters (fillers, or what a trained model was exported as).
        net: forward operators that compute the loss, with `is_test=0` where an operator asks.
        loss: the blob to minimize.

    Raises:
        NetError: no operator makes the loss.
        CheckError: a net is not well formed.
    """
    made = {name for op in net.op for name in op.output}
    if loss not in made:
        raise NetError(
            f"net '{net.name}': no operator makes the loss '{loss}'.{did_you_mean(loss, made)}"
        )
    model = ModelHelper(net.name or "model")
    model.param_init_net.extend(check_net(init_net).proto.op)
    checked = check_net(net)
    given = {name for op in init_net.op for name in op.output}
    model.net.extend(checked.proto.op)
    for name in checked.needs():
        if name in given:
            model.add_param(name)
    return model
