"""Activations: as operators of their own, and after another operator on what it wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from c2_mkl.call import Chain, Declined

LARGEST = float(np.finfo(np.float32).max)


def parameters(type_: str, args: dict[str, Any]) -> tuple[str, float, float]:
    """The C part's name of an activation, and its two numbers."""
    if type_ == "Clip":
        low, high = args["min"], args["max"]
        return "CLIP", -LARGEST if low is None else low, LARGEST if high is None else high
    if type_ == "HardSigmoid":
        return "HARD_SIGMOID", args["alpha"], args["beta"]
    if type_ in ("LeakyRelu", "Elu"):
        return {"LeakyRelu": "LEAKY_RELU", "Elu": "ELU"}[type_], args["alpha"], 0.0
    if type_ == "Gelu":
        return "FAST_GELU" if args["fast_gelu"] else "GELU", 0.0, 0.0
    if type_ in ("Relu", "Sigmoid", "Tanh", "Swish", "Softplus"):
        return type_.upper(), 0.0, 0.0
    raise Declined(f"{type_} is not one of its activations")


def keeps_zero(type_: str, args: dict[str, Any]) -> bool:
    """Whether zeros stay zeros: the channels that fill the last block must."""
    if type_ == "Clip":
        _, low, high = parameters(type_, args)
        return low <= 0 <= high
    return type_ in ("Relu", "LeakyRelu", "Elu", "Tanh", "Swish", "Gelu")


def add_activation(
    chain: Chain,
    type_: str,
    args: dict[str, Any],
    size: int,
    source: int,
    target: int,
    threads: int,
) -> None:
    """Appends an activation of `size` elements."""
    add_unary(chain, *parameters(type_, args), size, [source, target], threads)


def add_unary(
    chain: Chain,
    kind: str,
    alpha: float,
    beta: float,
    size: int,
    buffers: Sequence[int],
    threads: int,
    name: str = "unary",
) -> None:
    """Appends a function of `size` elements, by its name in the C part; `name` is what runs it."""
    number = getattr(chain.library.shim, f"C2_{kind}")
    fields = {"n": size, "kind": number, "threads": threads, "alpha": alpha, "beta": beta}
    chain.add(name, fields, buffers, context="unary")


def add_post(
    chain: Chain, post: Sequence[tuple[str, dict[str, Any]]], size: int, threads: int
) -> None:
    """Appends activations in place on the first output."""
    for type_, args in post:
        add_activation(chain, type_, args, size, chain.output, chain.output, threads)
