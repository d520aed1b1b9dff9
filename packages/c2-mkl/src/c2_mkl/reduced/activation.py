"""Activations as oneDNN does them, after another operator or alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from c2_mkl import onednn_numbers as n
from c2_mkl.activation import parameters
from c2_mkl.call import Chain
from c2_mkl.library import OneDNN
from c2_mkl.primitive import Handle, primitive

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


def add_eltwise(
    chain: Chain, end: Handle, kind: int, alpha: float, beta: float, source: int, threads: int
) -> None:
    """Appends an activation of a buffer, as `end` describes it, that writes the first output."""
    library = chain.library
    one = primitive(
        library,
        "eltwise_forward",
        library.engine,
        n.INFERENCE,
        kind,
        end,
        end,
        alpha,
        beta,
        threads=threads,
    )
    one.add_to(chain, threads, [(n.SOURCE, end, source), (n.TARGET, end, chain.output)])
