"""Evaluation: a net over all batches, and the means of what it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from c2.errors import SchemaError


def evaluate(
    net: Any,
    workspace: Any,
    batches: Iterable[Mapping[str, Any]],
    watch: Sequence[str] = ("loss", "accuracy"),
) -> dict[str, float]:
    """Means over all rows of blobs that hold one number per batch, such as loss and accuracy.

    A batch counts as much as it has rows, so a shorter last one does no harm.

    Args:
        net: a test net (or a model: its net); its parameters are in the workspace.
        batches: mappings from blob name to array.
        watch: the blobs.

    Raises:
        SchemaError: there is no batch, or a blob holds more than one number.
    """
    runnable = workspace.runnable(getattr(net, "net", net))
    totals, rows = np.zeros(len(watch)), 0
    for batch in batches:
        for name, array in batch.items():
            workspace.feed(name, array)
        runnable.run()
        count = len(next(iter(batch.values())))
        totals += count * np.array([scalar(workspace, name) for name in watch])
        rows += count
    if not rows:
        raise SchemaError("evaluate: there is no batch to evaluate, so there is no mean")
    return dict(zip(watch, (totals / rows).tolist()))


def scalar(workspace: Any, name: str) -> float:
    """The one number that a blob holds. Raises SchemaError where it holds several."""
    value = np.asarray(workspace.fetch(name))
    if value.size != 1:
        raise SchemaError(
            f"blob '{name}' is to be watched and must hold one number, got shape {value.shape}; "
            "watch its mean: AveragedLoss, or Accuracy"
        )
    return float(value.item())
