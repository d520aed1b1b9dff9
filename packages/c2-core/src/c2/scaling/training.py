"""What a step of training takes: alone, and with the ranks at hand."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Any

import numpy as np

import c2
from c2.build.from_nets import model_from_nets
from c2.communicate.communicator import Communicator

STEPS = 7
WAYS = {"alone": None, "after": {"overlap": False}, "overlapped": {"overlap": True}}


def measure_steps(
    nets: tuple[Any, Any], loss: str, batch: Mapping[str, np.ndarray], ranks: Communicator
) -> tuple[dict[str, float], int]:
    """Seconds of a step in each of WAYS, and bytes of all dense gradients.

    All ranks compute at the same time, also in the way `alone`, which exchanges nothing; a time is the least of STEPS,
    each that of the slowest rank.

    Args:
        nets: the net that makes the parameters, and the forward net with the loss.
        batch: the inputs of each rank.
    """
    ways = {w: given for w, given in WAYS.items() if given is None or ranks.size > 1}
    prepared = {way: _prepare(nets, loss, batch, ranks, given) for way, given in ways.items()}
    seconds: dict[str, float] = {}
    for _ in range(STEPS):
        for way, (
            workspace,
            model,
        ) in prepared.items():  # in turns, so that a noisy moment meets all
            took = _step(workspace, model.net, ranks)
            seconds[way] = min(took, seconds.get(way, took))
    workspace, model = prepared["alone"]
    infos = model.get_optimization_param_info()
    return seconds, sum(np.asarray(workspace[str(p.blob)]).nbytes for p in infos)


def _prepare(
    nets: tuple[Any, Any],
    loss: str,
    batch: Mapping[str, np.ndarray],
    ranks: Communicator,
    exchange: Mapping[str, Any] | None,
) -> tuple[c2.Workspace, c2.ModelHelper]:
    model = model_from_nets(*nets, loss)
    model.add_gradients(loss)
    if exchange is not None:
        c2.parallel.average_gradients(model, **exchange)
    c2.optimizer.build_sgd(model, 1e-6)
    model.net.proto.type = "compiled"
    workspace = c2.Workspace()
    workspace.run(model.param_init_net)
    for name, value in batch.items():
        workspace.feed(name, value)
    if exchange is not None:
        c2.parallel.start(workspace, model, ranks)
    workspace.create(model.net)
    workspace.run(model.net)
    return workspace, model


def _step(workspace: c2.Workspace, net: Any, ranks: Communicator) -> float:
    ranks.barrier()
    start = perf_counter()
    workspace.run(net)
    took = np.array([perf_counter() - start])
    ranks.allreduce(took, "max")
    return float(took[0])
