"""Activations as oneDNN does them, after another operator or alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from c2_mkl import onednn_numbers as n
from c2_mkl.activation import parameters
from c2_mkl.library import OneDNN

ALGORITHMS = {
    "RELU": n.ELTWISE_RELU, "LEAKY_RELU": n.ELTWISE_RELU, "CLIP": n.CLIP, "SIGMOID": n.LOGISTIC, "TANH": n.TANH,
    "ELU": n.ELU, "SWISH": n.SWISH, "HARD_SIGMOID": n.HARD_SIGMOID,
}  # fmt: skip


def algorithm(type_: str, args: dict[str, Any]) -> tuple[int, float, float]:
    """oneDNN's number of an activation, and its two parameters. Raises Declined where it has none."""
    kind, alpha, beta = parameters(type_, args)
    return ALGORITHMS[kind], 1.0 if kind == "SWISH" else alpha, beta


def append_activations(
    library: OneDNN, post: Any, activations: Sequence[tuple[str, dict[str, Any]]]
) -> None:
    for type_, args in activations:
        library.api.post_ops_append_eltwise(post, *algorithm(type_, args))
