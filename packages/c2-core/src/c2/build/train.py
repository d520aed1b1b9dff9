"""Training: a model run over batches for some epochs, with what happened on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from c2.build.evaluate import scalar
from c2.build.model_helper import ModelHelper
from c2.build.progress import Progress, Silent
from c2.errors import KernelError, SchemaError
from c2.graph.net import Net


@dataclass
class History:
    """What happened in training.

    Attributes:
        steps: name of a watched blob -> its value after each step.
        epochs: what was measured after each epoch; empty where nothing was.
        seconds: time of training without the measuring after epochs.
        rows: how many rows went through the net.
    """

    steps: dict[str, list[float]] = field(default_factory=dict)
    epochs: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    rows: int = 0

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.seconds if self.seconds else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON takes them."""
        return {**vars(self), "rows_per_second": self.rows_per_second}


def fit(
    model: ModelHelper,
    workspace: Any,
    batches: Iterable[Mapping[str, Any]],
    epochs: int,
    *,
    watch: Sequence[str] = ("loss", "accuracy"),
    after_epoch: Callable[[], Mapping[str, float]] | None = None,
    checkpoint: Callable[[int], object] | None = None,
    first_epoch: int = 0,
    progress: Progress | None = None,
    net_type: str = "",
) -> History:
    """Trains a model that has gradients and an optimizer.

    The init net is run first where a parameter is not in the workspace yet, so that a second call goes on where the
    first ended.

    Args:
        batches: is iterated once per epoch (see `c2.data.batches`); its length is used where it has one.
        watch: blobs of one number to record at each step.
        after_epoch: measures the model after each epoch, for example `lambda: evaluate(test_net, ws, test_batches)`.
        checkpoint: is called with the number of epochs done after each, such as `c2.parallel.CheckpointManager.save`.
        first_epoch: epochs that were done before, as a checkpoint says; `epochs` counts them too.
        progress: is told each step, with the watched values and the epoch.
        net_type: "compiled" is nearly twice as fast with c2-mkl, and keeps parameters and watched blobs alone;
            "simple" keeps every blob. Where not given, the net's own type.

    Raises:
        KernelError: the loss is no number any more; the message says at which step.
        SchemaError: epochs is negative, or a watched blob holds several numbers.
    """
    if epochs < 0:
        raise SchemaError(f"fit: epochs must be 0 or more, got {epochs}")
    initialize(model, workspace)
    listener: Progress = Silent() if progress is None else progress
    history = History(steps={name: [] for name in watch})
    net = _typed(model.net, watch, net_type) if net_type else model.net
    to_do = range(first_epoch, epochs)
    listener.start("train", len(to_do) * len(batches) if isinstance(batches, Sized) else 0)
    values: dict[str, float] = {}
    for epoch in to_do:
        for batch in batches:
            start = perf_counter()
            values = _step(model, net, workspace, batch, watch)
            history.seconds += perf_counter() - start
            history.rows += len(next(iter(batch.values())))
            for name, value in values.items():
                history.steps[name].append(value)
            done = len(history.steps[watch[0]]) if watch else 0
            listener.advance(done, {"epoch": epoch + 1, **values})
        if after_epoch is not None:
            history.epochs.append(dict(after_epoch()))
        if checkpoint is not None:
            checkpoint(epoch + 1)
    listener.finish(history.epochs[-1] if history.epochs else values)
    return history


def initialize(model: ModelHelper, workspace: Any) -> None:
    """Runs the init net where the workspace lacks something that it makes."""
    made = {name for op in model.param_init_net.ops for name in op.output}
    if any(not workspace.has(name) or workspace.blob(name).value is None for name in made):
        workspace.run(model.param_init_net)


def _typed(net: Net, watch: Sequence[str], net_type: str) -> Net:
    """The net as one of that type, which keeps what is watched."""
    copy = net.clone(net.name)
    copy.proto.type = net_type
    for name in watch:
        if name not in copy.proto.external_output:
            copy.add_external_output(name)
    return copy


def _step(
    model: ModelHelper, net: Net, workspace: Any, batch: Mapping[str, Any], watch: Sequence[str]
) -> dict[str, float]:
    for name, array in batch.items():
        workspace.feed(name, array)
    workspace.run(net)
    values = {name: scalar(workspace, name) for name in watch}
    for name, value in values.items():
        if not np.isfinite(value):
            raise KernelError(
                f"model '{model.name}': '{name}' is {value}: training has diverged. Take a smaller "
                "base_learning_rate, clip gradients (max_gradient_norm), or look for bad input"
            )
    return values
