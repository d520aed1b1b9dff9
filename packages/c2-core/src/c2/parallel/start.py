"""The same beginning for all processes: the nets agree, and all have the parameters of rank 0."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from c2.build.model_helper import ModelHelper
from c2.communicate.communicator import Communicator
from c2.errors import CommunicationError
from c2.graph.net import Net
from c2.parallel.gradients import WORLD
from c2.parallel.updates import order_updates


def start(workspace: Any, model: ModelHelper, ranks: Communicator) -> None:
    """Makes the parameters, gives all processes those of rank 0, and the net the blob through which it exchanges.

    Updates are put in the order in which the gradients come (see `order_updates`).
    What the workspace holds already stays (after loading a checkpoint in rank 0, say).

    Raises:
        CommunicationError: the processes have different nets; it names the ranks.
    """
    order_updates(model.net)
    _check_alike(model, ranks)
    made = [str(name) for op in model.param_init_net.proto.op for name in op.output]
    if any(workspace.blob(name).value is None for name in made):
        workspace.run(model.param_init_net)
    for name in made:
        value = workspace.fetch(name)
        if isinstance(value, np.ndarray) and value.dtype != object:
            value = np.ascontiguousarray(value)
            ranks.broadcast(value)
            workspace.feed(name, value)
    workspace.blob(WORLD).value = ranks


def _check_alike(model: ModelHelper, ranks: Communicator) -> None:
    own = np.array([_sum_of(model.net)], np.int64)
    all_of_them = np.empty((ranks.size, 1), np.int64)
    ranks.allgather(own, all_of_them)
    others = [k for k, one in enumerate(all_of_them[:, 0]) if one != own[0]]
    if others:
        raise CommunicationError(
            f"rank {ranks.rank} of {ranks.size}: net '{model.name}' is another one in rank "
            f"{', '.join(map(str, others))}; all processes must build the same model"
        )


def _sum_of(net: Net) -> int:
    """A checksum of the operators, whatever devices and random seeds they have."""
    sums = 0
    for op in net.proto.op:
        plain = type(op)()
        plain.CopyFrom(op)
        plain.ClearField("device_option")
        sums = zlib.crc32(plain.SerializeToString(deterministic=True), sums)
    return sums
