"""What losses check of their labels when they run, and the least number they take a logarithm of."""

from __future__ import annotations

from typing import Any

import numpy as np


def check_labels(labels: Any, classes: int, least: int = 0) -> None:
    """Raises ValueError where a label is not the number of a class; `least=-1` admits "do not care"."""
    if not labels.size:
        return
    low, high = int(labels.min()), int(labels.max())
    if low < least or high >= classes:
        raise ValueError(f"labels must be in [{least}, {classes - 1}], got {low} to {high}")


def check_probabilities(labels: Any) -> None:
    """Raises ValueError where a soft label is not in [0, 1]."""
    if labels.size and not (float(labels.min()) >= 0 and float(labels.max()) <= 1):
        raise ValueError(
            f"soft labels must be in [0, 1], got {float(labels.min())} to {float(labels.max())}. "
            "For class numbers use LabelCrossEntropy"
        )


def check_distributions(xp: Any, labels: Any) -> None:
    """Raises ValueError where a row of label probabilities (N, D) is negative or does not sum to 1."""
    if not labels.size:
        return
    if float(labels.min()) < 0:
        raise ValueError(f"label probabilities must not be negative, got {float(labels.min())}")
    slack = 1e-5 if labels.dtype.itemsize > 2 else 1e-2
    sums = labels.sum(axis=1)
    worst = float(xp.max(abs(sums - 1)))
    if worst >= slack:
        raise ValueError(
            f"label probabilities of a row must sum to 1 within {slack}, off by {worst}"
        )


def least_probability(dtype: np.dtype[Any]) -> Any:
    """1e-20, below which a probability counts as 1e-20; the smallest normal number in float16."""
    return dtype.type(max(1e-20, float(np.finfo(dtype).tiny)))
