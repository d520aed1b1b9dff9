"""Rules between inputs that many operators state in `infer`, each in the user's names."""

from __future__ import annotations

from typing import Any

from c2.registry import TensorSpec, require


def same_dtype(**specs: TensorSpec | None) -> None:
    """All given inputs have the dtype of the first; Caffe2 promotes nothing. None stands for an absent input."""
    (first, model), *others = [(n, s) for n, s in specs.items() if s is not None]
    for name, spec in others:
        require(
            spec.dtype == model.dtype, f"{name} must have the dtype of {first}", model.dtype, spec.dtype,
            "Put a Cast before it.",
        )  # fmt: skip


def same_shape(**specs: TensorSpec | None) -> None:
    """All given inputs have the shape of the first."""
    (first, model), *others = [(n, s) for n, s in specs.items() if s is not None]
    for name, spec in others:
        require(
            spec.shape == model.shape,
            f"{name} must have the shape of {first}",
            model.shape,
            spec.shape,
        )


def same_size(**specs: TensorSpec | None) -> None:
    """All given inputs have as many elements as the first, whatever their shapes."""
    (first, model), *others = [(n, s) for n, s in specs.items() if s is not None]
    for name, spec in others:
        require(
            spec.size == model.size,
            f"{name} must have as many elements as {first}",
            model.size,
            spec.size,
        )


def one_element(**specs: TensorSpec | None) -> None:
    """Each given input holds a single number; its shape does not matter."""
    for name, spec in specs.items():
        require(
            spec is None or spec.size == 1, f"{name} must have one element", 1, spec and spec.size
        )


def rank(name: str, spec: TensorSpec, *ranks: int) -> None:
    """The input has one of these numbers of axes."""
    wanted = " or ".join(str(r) for r in ranks)
    require(
        spec.ndim in ranks, f"{name} must have {wanted} axes", wanted, f"{spec.ndim} {spec.shape}"
    )


def canonical_axis(name: str, axis: int, ndim: int) -> int:
    """The axis counted from the front; `name` is the argument's name in messages."""
    require(
        -ndim <= axis < ndim, f"{name} must be in [{-ndim}, {ndim - 1}]", f"an axis of {ndim}", axis
    )
    return axis % ndim if ndim else 0


def equal(rule: str, expected: Any, actual: Any) -> None:
    """A rule that two sizes or shapes are equal."""
    require(expected == actual, rule, expected, actual)
