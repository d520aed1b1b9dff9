"""The shape of what a filler makes: its argument, the shape of its input, or the numbers in its input."""

from __future__ import annotations

from math import prod
from typing import Any

from c2.registry import Arg, Tensor, TensorSpec, require
from c2.registry.spec import ANY

Shape = tuple[int, ...]

SHAPE_ARGS = [
    Arg(
        "shape",
        "ints",
        default=(),
        doc="shape to make, where there is no input; () makes one number",
    ),
    Arg(
        "extra_shape",
        "ints",
        default=(),
        doc="axes appended to the shape that comes from the input",
    ),
    Arg(
        "input_as_shape",
        bool,
        default=False,
        doc="the input's numbers are the shape; else its shape is",
    ),
]
SHAPE_DOC = """The shape is the argument shape; with an input it is the input's shape, or its numbers
    where input_as_shape, followed by extra_shape."""


def shape_input(name: str = "input") -> Tensor:
    """The optional input that says what shape to make."""
    return Tensor(name, "gives the shape; int64 (n,) where input_as_shape", ANY, optional=True)


def inferred_shape(
    input: TensorSpec | None, shape: Shape, extra_shape: Shape, input_as_shape: bool
) -> Shape | None:
    """The shape to make, None where it depends on numbers that are not known yet. States the rules."""
    if input is None:
        require(not extra_shape, "extra_shape needs an input", "no extra_shape", extra_shape)
        require(not input_as_shape, "input_as_shape needs an input", "1 input", 0)
        return _checked("shape", shape)
    require(
        not shape,
        "shape and an input exclude each other",
        "one of them",
        f"shape {shape} and an input",
    )
    assert input.shape is not None
    if not input_as_shape:
        return input.shape + _checked("extra_shape", extra_shape)
    require(
        str(input.dtype) == "int64" and input.ndim == 1 and input.size > 0,
        "with input_as_shape the input must be one axis of numbers", "int64 (n,), n > 0", input,
    )  # fmt: skip
    if input.value is None:
        return None
    return _checked("the input", tuple(input.value.tolist())) + _checked("extra_shape", extra_shape)


def _checked(name: str, shape: Shape) -> Shape:
    require(all(d >= 0 for d in shape), f"{name} must hold sizes of 0 or more", "0 or more", shape)
    return tuple(shape)


def made_shape(input: Any, shape: Shape, extra_shape: Shape, input_as_shape: bool) -> Shape:
    """The shape to make, of arrays that fit."""
    if input is None:
        return tuple(shape)
    return tuple(input.tolist() if input_as_shape else input.shape) + tuple(extra_shape)


def size_of(shape: Shape) -> int:
    """Number of elements."""
    return prod(shape)
